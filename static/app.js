// What pages do beyond plain HTML. Every form and link works without it, too.
"use strict";

const dialog = document.getElementById("dialog");

// --- Dialogs: htmx puts a fragment into the one <dialog> of the page. ----------------------------

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target !== dialog) return;
  const opening = !dialog.open;
  if (opening) dialog.showModal();
  if (opening || !dialog.contains(document.activeElement)) {
    dialog.querySelector("[data-focus]")?.focus();
  }
});

dialog?.addEventListener("click", (event) => {
  const outside = event.target === dialog;
  const dismissed = event.target.closest("[data-close]");
  if (!outside && !dismissed) return;
  event.preventDefault(); // Without scripts, “close” is a link back to the page.
  dialog.close();
});

// Emptied on closing, so that the next opening does not show the old content first.
dialog?.addEventListener("close", () => dialog.replaceChildren());

// --- A number field and its slider show the same number of units. --------------------------------

// A slider with ranges grows when a larger number is typed, as the server would render it.
function growSlider(slider, units) {
  const ranges = slider.dataset.sliderRanges?.split(" ").map(Number);
  if (ranges && units > slider.max) slider.max = ranges.find((end) => end >= units) ?? units;
}

// Colours the track up to the thumb.
function fillSlider(slider) {
  const share = (slider.value - slider.min) / (slider.max - slider.min || 1);
  slider.style.setProperty("--filled", `${share * 100}%`);
}

function syncNumberAndSlider({ target: field }) {
  if (field.dataset.slides) {
    const number = document.getElementById(field.dataset.slides);
    number.value = field.value;
    fillSlider(field);
  } else if (field.type === "number") {
    const slider = document.querySelector(`[data-slides="${field.id}"]`);
    if (!slider) return;
    const units = Math.max(0, Math.floor(Number(field.value) || 0));
    growSlider(slider, units);
    slider.value = units;
    fillSlider(slider);
  }
}

// In the capture phase, so that both fields agree before htmx sends them, in the bubbling phase.
document.addEventListener("input", syncNumberAndSlider, { capture: true });

const fillSliders = (root) => root.querySelectorAll("[data-slides]").forEach(fillSlider);
document.addEventListener("htmx:load", (event) => fillSliders(event.detail.elt));
window.addEventListener("pageshow", () => fillSliders(document));

// --- Failed requests are reported. ---------------------------------------------------------------

// In the dialog if it is open, otherwise in the corner of the page.
function showTrouble(text) {
  const inDialog = dialog?.open && dialog.querySelector("[data-trouble]");
  const notice = inDialog || document.getElementById("trouble");
  (notice.querySelector("span") ?? notice).textContent = text;
  notice.hidden = false;
}

function hideTrouble() {
  for (const notice of document.querySelectorAll("[data-trouble]")) notice.hidden = true;
}

document.addEventListener("htmx:sendError", () =>
  showTrouble("The server could not be reached. Check your connection and try again.")
);
document.addEventListener("htmx:responseError", (event) =>
  showTrouble(`The server could not answer (${event.detail.xhr.status}). Please try again.`)
);
document.addEventListener("htmx:beforeRequest", hideTrouble);
document.querySelector("[data-dismiss]")?.addEventListener("click", hideTrouble);

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

// --- Copying, printing, and the theme. -----------------------------------------------------------

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  if (!navigator.clipboard) return field.select(); // There is none on pages from plain HTTP.
  await navigator.clipboard.writeText(field.value);
  button.querySelector("[data-label]").textContent = "Copied";
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});

document.addEventListener("change", (event) => {
  const choice = event.target;
  if (choice.name !== "theme") return;
  localStorage.setItem("theme", choice.value);
  document.documentElement.dataset.theme = choice.value;
});

// --- A form is sent once; its button is busy until the answer comes. -----------------------------

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.target.method !== "post" || !button) return;
  if (button.getAttribute("aria-busy")) event.preventDefault();
  button.setAttribute("aria-busy", "true");
});

// A page that the browser kept for its Back button is shown as it was left.
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  for (const status of document.querySelectorAll("[data-progress-text]")) status.textContent = "";
});

// --- The menu shows the theme that is in use. ----------------------------------------------------

const theme = document.documentElement.dataset.theme ?? "system";
document.querySelector(`[name=theme][value="${theme}"]`)?.setAttribute("checked", "");
