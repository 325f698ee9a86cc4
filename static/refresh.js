// Figures that follow what happens: an element with `data-refresh` asks for itself again, but not in a
// hidden tab, and not while somebody reads a step of its picture or has its table open.

const SECONDS = 15;

const isRead = (element) =>
  element.contains(document.activeElement) || element.querySelector("[data-read], details[open]");

setInterval(() => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-refresh]")) {
    if (!isRead(element)) htmx.trigger(element, "refresh");
  }
}, SECONDS * 1000);
