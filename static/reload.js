// Loads the page again and goes on where the person was: input, scroll position and open dialog.

const MINUTES = 60_000;
const STATE = "reload";

// Browsers that block cookies block this storage too.
function store(name, value) {
  try {
    sessionStorage.setItem(name, JSON.stringify(value));
  } catch {
    // Then the page is loaded again without its scroll position and dialog.
  }
}

function stored(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null;
  }
}

// The address of the page with what is typed into it.
function pageAddress() {
  const form = document.querySelector("[data-restores-page]");
  if (!form) return location.pathname + location.search;
  const query = new URLSearchParams();
  for (const { name, value } of form.elements) if (name && value) query.set(name, value);
  return `${new URL(form.action).pathname}?${query}`;
}

// `dialog` is the address of the dialog to open again.
export function reloadPage(dialog = null) {
  const address = pageAddress();
  store(STATE, { address, dialog, scroll: window.scrollY, at: Date.now() });
  location.assign(address);
}

function goOn() {
  const state = stored(STATE);
  if (!state || state.address !== location.pathname + location.search) return; // Or: sign in first.
  store(STATE, null);
  if (Date.now() - state.at > 15 * MINUTES) return;
  window.scrollTo({ top: state.scroll, behavior: "instant" });
  if (state.dialog) htmx.ajax("GET", state.dialog, { target: "#dialog" });
  else document.getElementById("main")?.focus({ preventScroll: true });
}

// --- The key of a form that got no answer (R17) --------------------------------------------------

// The dialog of the same address is opened with this key again. So a purchase that was made though
// its answer was lost is shown instead of made twice, after a reload by the browser too.
const KEYS = "keys without answer";

const pathOf = (address) => new URL(address, location.href).pathname;

document.addEventListener("htmx:beforeRequest", ({ detail: { requestConfig } }) => {
  const { verb, path, parameters } = requestConfig;
  if (verb === "post" && parameters.key) store(KEYS, { ...stored(KEYS), [pathOf(path)]: parameters.key });
});

export function answered({ path }) {
  const { [pathOf(path)]: key, ...others } = stored(KEYS) ?? {};
  if (key) store(KEYS, others);
}

document.addEventListener("htmx:configRequest", ({ detail }) => {
  const key = detail.target?.id === "dialog" && stored(KEYS)?.[pathOf(detail.path)];
  if (detail.verb === "get" && key) detail.parameters.key = key;
});

document.addEventListener("DOMContentLoaded", goOn);
