// Says why a passkey was not made or used. allauth's scripts tell it by an event.

const REASONS = {
  AbortError: "The passkey was not used. Try again.",
  InvalidStateError: "This device or security key has a passkey of yours already.",
  NotAllowedError: "The passkey was not used: you cancelled, or it took too long. Try again.",
  NotSupportedError: "This device cannot make such a passkey.",
  SecurityError: "Passkeys do not work at this address.",
};

document.addEventListener("allauth.error", (event) => {
  event.preventDefault(); // Otherwise it is only logged.
  const { exception } = event.detail;
  const isByNumber = exception.name === "SecurityError" && location.hostname === "127.0.0.1";
  const trouble = document.querySelector("[data-passkey-trouble]");
  trouble.textContent = isByNumber
    ? `Passkeys need a name instead of numbers in the address: open http://localhost:${location.port}${location.pathname}`
    : (REASONS[exception.name] ?? "This browser cannot use passkeys here.");
  trouble.hidden = false;
});
