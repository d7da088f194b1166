/** The page of the HTTP API: Swagger UI, which comes as a script, shows the document of the methods. */

/** Some of its controls have no name of their own. */
const NAMES = { textarea: "Request body", ".copy-to-clipboard button": "Copy" };

const page = /** @type {HTMLElement} */ (document.getElementById("swagger-ui"));

new MutationObserver(() => {
  for (const [selector, name] of Object.entries(NAMES)) {
    for (const control of page.querySelectorAll(`${selector}:not([aria-label])`))
      control.setAttribute("aria-label", name);
  }
}).observe(page, { childList: true, subtree: true });

const { SwaggerUIBundle } = /** @type {{SwaggerUIBundle: any}} */ (/** @type {unknown} */ (globalThis));

SwaggerUIBundle({
  domNode: page,
  url: page.dataset.document,
  presets: [SwaggerUIBundle.presets.apis],
  defaultModelsExpandDepth: -1,
  // A link in the button of each method is one that the keyboard cannot tell from it.
  deepLinking: false,
});
