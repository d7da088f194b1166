/** Swagger UI leaves some of its controls without a name. */

const NAMES = { textarea: "Request body", ".copy-to-clipboard button": "Copy" };

const page = /** @type {HTMLElement} */ (document.getElementById("swagger-ui"));

new MutationObserver(() => {
  for (const [selector, name] of Object.entries(NAMES)) {
    for (const control of page.querySelectorAll(`${selector}:not([aria-label])`))
      control.setAttribute("aria-label", name);
  }
}).observe(page, { childList: true, subtree: true });
