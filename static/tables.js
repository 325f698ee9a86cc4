// Lists: their filters and pages change only the list, and short ids are copied whole.

// --- Filters and pages: without scripts they are plain forms and links. --------------------------

const isOf = (list) => (name) => name === list || name.startsWith(`${list}-`);

// The address of this page with only the parameters of one list replaced: other lists may have
// changed since the form or link was rendered.
function addressWith(list, parameters) {
  const query = new URLSearchParams(location.search);
  for (const name of [...query.keys()].filter(isOf(list))) query.delete(name);
  for (const [name, value] of parameters) if (isOf(list)(name) && value) query.set(name, value);
  return `${location.pathname}?${query}`.replace(/\?$/, "");
}

document.addEventListener("htmx:configRequest", ({ detail }) => {
  const list = detail.verb === "get" && detail.target.dataset.list;
  if (!list) return;
  const asked = new URL(detail.path, location.href).searchParams;
  const sent = [...asked, ...detail.formData].filter(([, value]) => typeof value === "string");
  for (const name of [...detail.formData.keys()]) delete detail.parameters[name];
  detail.path = addressWith(list, sent);
});

document.addEventListener("htmx:afterSettle", ({ target }) => {
  const { list, summary } = target.dataset;
  if (!list) return;
  const status = document.querySelector(`form[data-list="${list}"] [data-list-status]`);
  if (status) status.textContent = summary;
  // The last page has no “Next”: focus would be lost.
  if (document.activeElement === document.body) document.getElementById(list)?.focus();
});

document.addEventListener("click", (event) => {
  const list = event.target.closest("[data-clears]")?.dataset.clears;
  if (!list) return;
  event.preventDefault();
  history.replaceState(null, "", `${addressWith(list, [])}#${list}`);
  location.reload();
});

// --- Ids -----------------------------------------------------------------------------------------

// Pages from plain HTTP have no clipboard, but can copy what is selected.
function copySelected(text) {
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const text = button.dataset.copies;
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else copySelected(text);
  button.focus();
  const status = button.parentElement.querySelector(".copied");
  status.textContent = "Copied";
  setTimeout(() => (status.textContent = ""), 2000);
});
