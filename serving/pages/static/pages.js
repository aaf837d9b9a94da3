// Adds to pages that work without it: forms that only filter are sent when a choice is made.
"use strict";
for (const form of document.querySelectorAll("form[data-send-on-change]")) {
  form.addEventListener("change", () => form.requestSubmit());
}
