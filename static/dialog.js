// htmx puts a fragment into the one <dialog> of the page.
import { reloadPage } from "./reload.js";

export const dialog = document.getElementById("dialog");

export function openDialog() {
  const opening = !dialog.open;
  if (opening) dialog.showModal();
  if (opening || !dialog.contains(document.activeElement)) {
    dialog.querySelector("[data-focus]")?.focus();
  }
}

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target === dialog) openDialog();
});

dialog?.addEventListener("click", (event) => {
  const outside = event.target === dialog;
  const dismissed = event.target.closest("[data-close]");
  if (!outside && !dismissed) return;
  event.preventDefault(); // Without scripts, “close” is a link back to the page.
  dialog.close();
});

// Emptied on closing, so that the next opening does not show the old content first. If the dialog
// said that things have changed, the page below still shows the old ones.
dialog?.addEventListener("close", () => {
  const outdated = dialog.querySelector("[data-outdated]");
  dialog.replaceChildren();
  if (outdated) reloadPage();
});
