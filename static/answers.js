// What becomes of the answers that htmx gets. Only the fragment that was asked for goes into the
// page: it has a header. A sign-in page, an error page of a proxy and the like do not.
import { dialog } from "./dialog.js";
import { retryLater } from "./live.js";
import { answered, reloadPage } from "./reload.js";

const FRAGMENT = "Scale-Tier-Fragment";
const UNREACHABLE = "The server could not be reached. Check your connection and try again.";
const GO_ON = "reload and continue: your input is kept, and nothing is done twice.";
const OUTDATED = `This page is out of date, perhaps because you signed in again in another tab; ${GO_ON}`;

let dialogToReopen = null;

document.addEventListener("htmx:beforeOnLoad", ({ detail: { xhr, requestConfig } }) => {
  const isDone = requestConfig.verb === "post" || xhr.getResponseHeader("HX-Redirect");
  if (isDone && xhr.getResponseHeader(FRAGMENT)) answered(requestConfig);
});

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.xhr.getResponseHeader(FRAGMENT)) return;
  detail.shouldSwap = false;
  detail.isError = true;
});

// Nobody asked for a picture, or for newer figures: their failures are no trouble to tell of, nor is
// their request the end of one. Figures say as of when they are.
const isUnasked = ({ requestConfig }) =>
  requestConfig.elt.matches("[data-picture]") || requestConfig.triggeringEvent?.type === "refresh";

document.addEventListener("htmx:responseError", ({ detail }) => {
  const { status } = detail.xhr;
  const passing = status >= 500 || status === 429;
  if (passing && retryLater(detail.requestConfig.elt)) return;
  if (isUnasked(detail) && (passing || !detail.requestConfig.elt.matches("[data-refresh]"))) return;
  const text = passing ? `The server could not answer (${status}); ${GO_ON}` : OUTDATED;
  dialogToReopen = addressOfDialog(detail);
  const notice = placeOfTrouble(detail.target);
  showTrouble(notice, text);
  const button = notice.querySelector("[data-reload]");
  button.hidden = false;
  queueMicrotask(() => button.focus()); // It may be disabled until the request has ended.
});

for (const failure of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, ({ detail }) => {
    if (retryLater(detail.requestConfig.elt) || isUnasked(detail)) return;
    const inDialog = dialog.open && dialog.querySelector("[data-trouble]");
    showTrouble(inDialog || document.getElementById("trouble"), UNREACHABLE);
  });
}

document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  if (!isUnasked(detail)) hideTrouble();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismiss]")) hideTrouble();
  if (event.target.closest("[data-reload]")) reloadPage(dialogToReopen);
});

// The address that opens the dialog with what is typed into it; null if no dialog is concerned.
function addressOfDialog({ target, pathInfo }) {
  const form = dialog.querySelector("form[hx-post]");
  if (!form) return target === dialog ? pathInfo.finalRequestPath : null;
  const address = new URL(form.getAttribute("hx-post"), location.href);
  for (const { name, type, value } of form.elements) {
    if (name && type !== "hidden") address.searchParams.set(name, value);
  }
  return address.pathname + address.search;
}

// In the dialog if it is open, or was to be opened; otherwise in the corner of the page.
function placeOfTrouble(target) {
  if (!dialog.open && target !== dialog) return document.getElementById("trouble");
  if (!dialog.querySelector("[data-trouble]")) {
    const content = document.getElementById("unexpected").content;
    dialog.replaceChildren(content.cloneNode(true));
  }
  if (!dialog.open) dialog.showModal();
  return dialog.querySelector("[data-trouble]");
}

function showTrouble(notice, text) {
  notice.querySelector("[data-text]").textContent = text;
  notice.hidden = false;
}

function hideTrouble() {
  for (const notice of document.querySelectorAll("[data-trouble]")) {
    notice.hidden = true;
    notice.querySelector("[data-reload]").hidden = true;
  }
}

// --- A form that takes a while says so, to screen readers too. -----------------------------------

let focusedBefore = null;

function showProgress(form, text) {
  const status = form.parentElement?.querySelector("[data-progress-text]");
  if (status) status.textContent = text;
}

document.addEventListener("htmx:beforeRequest", ({ detail: { elt } }) => {
  focusedBefore = document.activeElement;
  if (elt.dataset.progress) showProgress(elt, elt.dataset.progress);
});

// After a failure everything is as before, the focus too: a control loses it while it is disabled.
document.addEventListener("htmx:afterRequest", ({ detail: { elt, successful } }) => {
  if (successful) return;
  if (elt.dataset.progress) showProgress(elt, "");
  for (const button of elt.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  if (document.activeElement === document.body) focusedBefore?.focus();
});
