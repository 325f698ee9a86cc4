// Pictures of the timeline and of usage: the day or step under the pointer, or the one that the arrow
// keys choose.

const DAY = 86_400_000;

const dayText = (chart, day) =>
  new Date(Date.parse(chart.dataset.start) + day * DAY).toISOString().slice(0, 10);

// Each row of the table holds from its day until the next row.
const rowOf = (chart, day) =>
  [...chart.querySelectorAll("[data-day]")]
    .sort((one, other) => one.dataset.day - other.dataset.day)
    .findLast((row) => Number(row.dataset.day) <= day);

function read(slider) {
  const chart = slider.closest("[data-chart]");
  const day = Number(slider.value);
  const row = rowOf(chart, day);
  const happens = Number(row.dataset.day) === day ? row.dataset.events : "";
  const text = `${row.dataset.label ?? dayText(chart, day)}: ${row.dataset.value}`;
  slider.setAttribute("aria-valuetext", happens ? `${text}; ${happens}` : text);
  chart.querySelector("[data-reading]").textContent = text;
  chart.querySelector("[data-happens]").textContent = happens;
  chart.toggleAttribute("data-opens", Boolean(row.querySelector("[data-why]")));
  const cursor = chart.querySelector("[data-cursor]");
  const within = Number(cursor.dataset.cursor); // A bar is read at its middle, a day at its start.
  const place = `${((day + within) * 100) / (Number(slider.max) + 1)}%`;
  cursor.setAttribute("x1", place);
  cursor.setAttribute("x2", place);
}

document.addEventListener("input", ({ target }) => {
  if (target.matches("[data-chart] [type=range]")) read(target);
});

document.addEventListener("focusin", ({ target }) => {
  if (target.matches("[data-chart] [type=range]")) read(target);
});

document.addEventListener("pointermove", ({ target, clientX, pointerType }) => {
  if (pointerType !== "mouse" || !target.matches?.("[data-chart] [type=range]")) return;
  const { left, width } = target.getBoundingClientRect();
  target.value = Math.floor(((clientX - left) / width) * (Number(target.max) + 1));
  target.closest("[data-chart]").setAttribute("data-read", "");
  read(target);
});

document.addEventListener("pointerout", ({ target }) => {
  target.closest?.("[data-chart]")?.removeAttribute("data-read");
});

// A step with something to explain opens it: by a click of the mouse, or by Enter.
const open = (slider) =>
  rowOf(slider.closest("[data-chart]"), Number(slider.value)).querySelector("[data-why]")?.click();

document.addEventListener("keydown", ({ target, key }) => {
  if (key === "Enter" && target.matches("[data-chart] [type=range]")) open(target);
});

document.addEventListener("click", ({ target, pointerType }) => {
  if (pointerType === "mouse" && target.matches("[data-chart] [type=range]")) open(target);
});
