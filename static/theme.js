// Loaded in <head>, before anything is painted: sets the chosen colour scheme, and the class that says
// that scripts run.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const theme = localStorage.getItem("theme");
    if (theme) root.dataset.theme = theme;
  } catch {
    // Storage may be blocked. The colour scheme of the system then applies.
  }
})();
