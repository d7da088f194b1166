/** The page of the HTTP API: Swagger UI shows the OpenAPI document. */

/** Accessible names of controls to which Swagger UI gives none. */
const NAMES = { textarea: "Request body", ".copy-to-clipboard button": "Copy" };

const page = /** @type {HTMLElement} */ (document.getElementById("swagger-ui"));

new MutationObserver(() => {
  for (const [selector, name] of Object.entries(NAMES)) {
    for (const control of page.querySelectorAll(`${selector}:not([aria-label])`))
      control.setAttribute("aria-label", name);
  }
}).observe(page, { childList: true, subtree: true });

const dark = matchMedia("(prefers-color-scheme: dark)");
const followScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", followScheme);
followScheme();

const { SwaggerUIBundle } = /** @type {{SwaggerUIBundle: any}} */ (/** @type {unknown} */ (globalThis));

SwaggerUIBundle({
  domNode: page,
  url: page.dataset.document,
  presets: [SwaggerUIBundle.presets.apis],
  defaultModelsExpandDepth: -1,
  // Deep links would put a link into the button of each method, which keyboards cannot tell apart.
  deepLinking: false,
});
