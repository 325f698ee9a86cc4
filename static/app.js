// What pages do beyond plain HTML. Every form and link works without it, too.
import "./answers.js";
import "./charts.js";
import "./dialog.js";
import "./live.js";
import "./refresh.js";
import "./tables.js";
import "./units.js";

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
