// Figures that follow what is typed. An element with `data-live` asks for them at each input. From
// the input until its answer the form is marked as outdated: the figures are dimmed, and a button
// with `data-needs-current` waits for them. A failed request is repeated until it succeeds, and so
// is that of an element with `data-picture`, for which nothing waits.

const SECONDS = [1, 2, 4, 8, 16, 30];

const inputs = new WeakMap(); // The number of inputs, by form.
const inputsSent = new WeakMap(); // That number when the request was sent, by request.
const failures = new WeakMap(); // The number of failures in a row, by form or picture.
const retries = new Map(); // The timers of the requests to repeat, by element.
const pressed = new WeakSet(); // The forms whose button was pressed before the figures came.

const isOutdated = (form) => form.hasAttribute("data-outdated-figures");
const isFailing = (form) => failures.get(form) > 0;

// --- Outdated ------------------------------------------------------------------------------------

// In the capture phase: before htmx sends the request.
document.addEventListener("input", (event) => {
  const form = event.target.closest("[data-live]")?.closest("form");
  if (!form) return;
  inputs.set(form, (inputs.get(form) ?? 0) + 1);
  form.setAttribute("data-outdated-figures", "");
  pressed.delete(form);
  update(form);
}, { capture: true });

document.addEventListener("htmx:beforeRequest", ({ detail: { xhr, requestConfig: { elt } } }) => {
  if (!elt.matches("[data-live]")) return;
  inputsSent.set(xhr, inputs.get(elt.closest("form")));
  forgetRetry(elt);
});

// --- Current again -------------------------------------------------------------------------------

document.addEventListener("htmx:afterSwap", ({ detail: { xhr, requestConfig: { elt } } }) => {
  if (elt.matches("[data-picture]")) {
    failures.delete(elt);
    elt.removeAttribute("data-outdated-picture");
  }
  const form = elt.closest("[data-live]")?.closest("form");
  if (!form) return;
  failures.delete(form);
  if (inputsSent.get(xhr) === inputs.get(form)) form.removeAttribute("data-outdated-figures");
  update(form);
  if (pressed.has(form) && !isOutdated(form)) {
    pressed.delete(form);
    buttonOf(form).click();
  }
});

// --- Failed --------------------------------------------------------------------------------------

// Returns whether the element is one whose requests are repeated.
export function retryLater(element) {
  if (element.matches("[data-picture]")) {
    element.setAttribute("data-outdated-picture", "");
    retryAfterWait(element, element);
    return true;
  }
  if (!element.matches("[data-live]")) return false;
  const form = element.closest("form");
  if (!form) return true; // Its dialog was closed meanwhile.
  retryAfterWait(element, form);
  pressed.delete(form);
  update(form);
  // Fields that were disabled for the answer stay out of reach. Disabled, they would not be sent.
  for (const field of fieldsWaitingFor(element)) field.inert = true;
  return true;
}

function retryAfterWait(element, counted) {
  const count = failures.get(counted) ?? 0;
  failures.set(counted, count + 1);
  forgetRetry(element);
  const wait = SECONDS[Math.min(count, SECONDS.length - 1)] * 1000;
  retries.set(element, setTimeout(retry, wait, element));
}

function fieldsWaitingFor(element) {
  const selector = element.getAttribute("hx-disabled-elt");
  return selector ? document.querySelectorAll(selector) : [];
}

function forgetRetry(element) {
  clearTimeout(retries.get(element));
  retries.delete(element);
}

function retry(element) {
  forgetRetry(element);
  if (element.isConnected) htmx.trigger(element, "retry");
}

window.addEventListener("online", () => [...retries.keys()].forEach(retry));

// --- What the form shows -------------------------------------------------------------------------

const buttonOf = (form) => form.querySelector("[data-needs-current]");

function update(form) {
  const button = buttonOf(form);
  const needsValid = button?.dataset.needsCurrent === "valid";
  const blocked = isOutdated(form) || (needsValid && form.querySelector("[data-invalid]"));
  if (blocked) button?.setAttribute("aria-disabled", "true");
  else button?.removeAttribute("aria-disabled");
  const text = form.querySelector("[data-outdated-text]");
  if (text) text.hidden = !isFailing(form);
  for (const error of form.querySelectorAll("[data-error-of]")) {
    const field = document.getElementById(error.dataset.errorOf);
    if (error.childElementCount) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
}

// A press before the figures are there counts when they are; on wrong input it leads to the field.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-needs-current][aria-disabled]");
  if (!button) return;
  event.preventDefault();
  event.stopPropagation();
  if (isOutdated(button.form) && !isFailing(button.form)) pressed.add(button.form);
  else button.form.querySelector("[aria-invalid=true]")?.focus();
}, { capture: true });

// A number field has no value while its text is no number. The server gets a text, and says so.
document.addEventListener("htmx:configRequest", ({ detail: { elt, parameters } }) => {
  for (const field of elt.closest("form")?.querySelectorAll("[type=number]") ?? []) {
    if (field.validity.badInput && parameters[field.name] === "") parameters[field.name] = "?";
  }
});
