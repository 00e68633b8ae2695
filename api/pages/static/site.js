// Small help for pages: the proof against forged requests, and what htmx should do with errors.
"use strict";

document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRF-Token"] = document.body.dataset.csrf;
});

// A problem is shown where its answer would have stood.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 304) event.detail.shouldSwap = false;
  else if (event.detail.xhr.status >= 400) {
    event.detail.shouldSwap = event.detail.xhr.getResponseHeader("Content-Type")?.startsWith("text/html") ?? false;
    event.detail.isError = false;
  }
});

// A form marked so is sent when one of its controls changes.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-autosubmit]");
  if (form) form.requestSubmit();
});
