// A number field and its slider show the same number of units.

// The possible ends of the slider's scale, as the server gives them. The last is the most that can
// be chosen.
const rangesOf = (slider) => slider.dataset.sliderRanges?.split(" ").map(Number);

// Gives the slider the smallest scale that is enough, so that it stays fine for small numbers. What is
// recommended is on the scale too.
function fitScale(slider, units) {
  const enough = Math.max(units, slider.dataset.recommended ?? 0);
  const ranges = rangesOf(slider);
  if (ranges) slider.max = ranges.find((end) => end >= enough) ?? ranges.at(-1);
}

// Colours the track up to the thumb, and puts the mark where the thumb would be.
function fillSlider(slider) {
  const share = (slider.value - slider.min) / (slider.max - slider.min || 1);
  slider.style.setProperty("--filled", `${share * 100}%`);
  const mark = slider.parentElement.querySelector("[data-mark]");
  const recommended = Number(slider.dataset.recommended ?? 0);
  if (!mark) return;
  mark.setAttribute("x", `${(recommended * 100) / (slider.max || 1)}%`);
  const shown = recommended > 0 && recommended <= Number(slider.max);
  mark.setAttribute("visibility", shown ? "visible" : "hidden");
}

// A recommended number that came is marked. The scale is only fitted to it where no thumb would move.
function markRecommended({ dataset: { takes, units } }) {
  const slider = document.querySelector(`[data-slides="${takes}"]`);
  if (!slider) return;
  slider.dataset.recommended = units;
  if (slider.value === "0") fitScale(slider, 0);
  fillSlider(slider);
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
    fitScale(slider, units);
    slider.value = units;
    fillSlider(slider);
  }
}

// When the thumb is let go at the end of its scale, or where a step is too coarse, the scale follows.
// Never before: the thumb must not run away from the pointer.
function followWithScale({ target: slider }) {
  const ranges = slider.dataset.slides && rangesOf(slider);
  if (!ranges) return;
  const [units, end] = [Number(slider.value), Number(slider.max)];
  if (units === end) slider.max = ranges.find((range) => range > end) ?? end;
  else if (units < end / 20) fitScale(slider, units);
  fillSlider(slider);
}

// In the capture phase, so that both fields agree before htmx sends them, in the bubbling phase.
document.addEventListener("input", syncNumberAndSlider, { capture: true });
document.addEventListener("change", followWithScale);

// A recommended number is taken as if somebody had typed it.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-takes]");
  if (!link) return;
  event.preventDefault();
  const number = document.getElementById(link.dataset.takes);
  number.value = link.dataset.units;
  number.dispatchEvent(new Event("input", { bubbles: true }));
  number.focus();
});

function fillSliders(root) {
  root.querySelectorAll("[data-slides]").forEach(fillSlider);
  root.querySelectorAll("[data-takes]").forEach(markRecommended);
}

document.addEventListener("htmx:load", (event) => fillSliders(event.detail.elt));
window.addEventListener("pageshow", () => fillSliders(document));
