// What the pages do beyond HTML. Without it every form and link still works.
"use strict";

const dialog = document.getElementById("dialog");

// --- Dialogs: a link or button asks for a fragment, which arrives in the one <dialog>. ------------

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
  event.preventDefault(); // Where scripts do not run, “close” is a link back to the page.
  dialog.close();
});

// Emptied once closed, so that nothing stale flashes up at the next opening.
dialog?.addEventListener("close", () => dialog.replaceChildren());

// --- A number and its slider move together. ---------------------------------------------------------

// A slider with ranges grows when a larger number is typed, as the server would render it.
function grow(slider, units) {
  const ranges = slider.dataset.sliderRanges?.split(" ").map(Number);
  if (ranges && units > slider.max) slider.max = ranges.find((end) => end >= units) ?? units;
}

function fill(slider) {
  const share = (slider.value - slider.min) / (slider.max - slider.min || 1);
  slider.style.setProperty("--filled", `${share * 100}%`);
}

function together({ target: field }) {
  if (field.dataset.slides) {
    const number = document.getElementById(field.dataset.slides);
    number.value = field.value;
    fill(field);
  } else if (field.type === "number") {
    const slider = document.querySelector(`[data-slides="${field.id}"]`);
    if (!slider) return;
    const units = Math.max(0, Math.floor(Number(field.value) || 0));
    grow(slider, units);
    slider.value = units;
    fill(slider);
  }
}

// On the way down: the number is right before htmx sends it, on the way up.
document.addEventListener("input", together, { capture: true });

const fillAll = (root) => root.querySelectorAll("[data-slides]").forEach(fill);
document.addEventListener("htmx:load", (event) => fillAll(event.detail.elt));
window.addEventListener("pageshow", () => fillAll(document));

// --- Trouble is told, not swallowed. ------------------------------------------------------------------

function tell(text) {
  const inside = dialog?.open && dialog.querySelector("[data-trouble]");
  const place = inside || document.getElementById("trouble");
  (place.querySelector("span") ?? place).textContent = text;
  place.hidden = false;
}

function untell() {
  for (const place of document.querySelectorAll("[data-trouble]")) place.hidden = true;
}

document.addEventListener("htmx:sendError", () =>
  tell("The server could not be reached. Check your connection and try again.")
);
document.addEventListener("htmx:responseError", (event) =>
  tell(`The server could not answer (${event.detail.xhr.status}). Please try again.`)
);
document.addEventListener("htmx:beforeRequest", untell);
document.querySelector("[data-dismiss]")?.addEventListener("click", untell);

// --- What takes a while says that it is under way, to screen readers too. ------------------------------

let focused = null;

function progress(form, text) {
  const place = form.parentElement?.querySelector("[data-progress-text]");
  if (place) place.textContent = text;
}

document.addEventListener("htmx:beforeRequest", ({ detail: { elt } }) => {
  focused = document.activeElement;
  if (elt.dataset.progress) progress(elt, elt.dataset.progress);
});

// When it came to nothing, everything is as before: what was disabled meanwhile had lost the focus.
document.addEventListener("htmx:afterRequest", ({ detail: { elt, successful } }) => {
  if (successful) return;
  if (elt.dataset.progress) progress(elt, "");
  for (const button of elt.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  if (document.activeElement === document.body) focused?.focus();
});

// --- Small comforts. ------------------------------------------------------------------------------------

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (!copy) return;
  const field = document.getElementById(copy.dataset.copy);
  if (!navigator.clipboard) return field.select(); // Closed to pages that came in the clear.
  await navigator.clipboard.writeText(field.value);
  copy.querySelector("[data-label]").textContent = "Copied";
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});

document.addEventListener("change", (event) => {
  const choice = event.target;
  if (choice.name === "theme") {
    localStorage.setItem("theme", choice.value);
    document.documentElement.dataset.theme = choice.value;
  } else if (choice.dataset.goes !== undefined) {
    choice.form.requestSubmit();
  }
});

// A form that is on its way is not sent again; its button says so.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.target.method !== "post" || !button) return;
  if (button.getAttribute("aria-busy")) event.preventDefault();
  button.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  for (const place of document.querySelectorAll("[data-progress-text]")) place.textContent = "";
});

const chosen = document.documentElement.dataset.theme ?? "system";
document.querySelector(`[name=theme][value="${chosen}"]`)?.setAttribute("checked", "");
