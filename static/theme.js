// Loaded in <head>, before anything is painted: the chosen colour scheme, and that scripts run.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const theme = localStorage.getItem("theme");
    if (theme) root.dataset.theme = theme;
  } catch {
    // Storage may be forbidden; the system's colour scheme then rules.
  }
})();
