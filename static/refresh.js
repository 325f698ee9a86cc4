// Figures that follow what happens. An element with `data-refresh` asks for itself, or for its target,
// again; with `data-refresh="page"` by the address that the page has now. It does not in a hidden tab,
// and not while somebody reads: a step of the picture, marked text, a dialog.

const SECONDS = 15;

const shownBy = (element) =>
  document.querySelector(element.getAttribute("hx-target") ?? `#${element.id}`);

const isMarked = (shown) => !getSelection().isCollapsed && shown.contains(getSelection().anchorNode);

const isRead = (shown) =>
  shown.contains(document.activeElement) || shown.querySelector("[data-read]") || isMarked(shown);

function refresh() {
  if (document.hidden || document.querySelector("dialog[open]")) return;
  for (const element of document.querySelectorAll("[data-refresh]")) {
    if (!isRead(shownBy(element))) htmx.trigger(element, "refresh");
  }
}

setInterval(refresh, SECONDS * 1000);
document.addEventListener("visibilitychange", refresh);

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.elt.dataset.refresh === "page") detail.path = location.pathname + location.search;
});

// A table stays as it was: folded or not, and scrolled to the same row.
let tables = [];

document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
  tables = [...target.querySelectorAll("details[id]")].map(({ id, open, lastElementChild }) => ({
    id, open, top: lastElementChild.scrollTop,
  }));
});

document.addEventListener("htmx:afterSwap", () => {
  for (const { id, open, top } of tables.splice(0)) {
    const table = document.getElementById(id);
    if (!table) continue;
    table.open = open;
    table.lastElementChild.scrollTop = top;
  }
});
