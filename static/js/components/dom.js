/** Making elements. Text goes in as text: nothing here reads markup. */

import { config } from "../hub/config.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {Node | string | null | undefined | false} Child
 */

/**
 * An element with attributes and children. An attribute that is `true` is set without a value; one that is `false`,
 * `null` or `undefined` is left out.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {{[name: string]: string | number | boolean | null | undefined}} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/**
 * @param {string} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${config().icons}#${name}`);
  svg.append(use);
  return svg;
}

/**
 * A text of the page's language, with `{name}` replaced.
 *
 * @param {string} name
 * @param {{[name: string]: string}} [values]
 * @returns {string}
 */
export function text(name, values = {}) {
  return (config().texts[name] ?? "").replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

/**
 * A text that depends on a number, which it has as `{number}`: those of the names `one`, `few`, `many` and `other`,
 * after the categories of `Intl.PluralRules`, behind `name`.
 *
 * @param {string} name
 * @param {number} count
 * @param {string} [shown] the number as it is shown
 * @returns {string}
 */
export function plural(name, count, shown) {
  const language = document.documentElement.lang || undefined;
  const category = new Intl.PluralRules(language).select(count);
  const { texts } = config();
  const words = texts[`${name}_${category}`] ?? texts[`${name}_other`] ?? "";
  return words.replace("{number}", shown ?? new Intl.NumberFormat(language).format(count));
}

/**
 * Makes the children of `parent` those for `items`, in order, and keeps the elements of items that stay: focus,
 * selection and animations survive.
 *
 * @template Item
 * @param {Element} parent
 * @param {Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => HTMLElement} build
 * @param {(element: HTMLElement, item: Item) => void} [update]
 */
export function reconcile(parent, items, keyOf, build, update) {
  const wanted = new Set(items.map(keyOf));
  /** @type {Map<string, HTMLElement>} */
  const known = new Map();
  for (const child of [...parent.children]) {
    const key = (child instanceof HTMLElement && child.dataset.key) || "";
    if (wanted.has(key)) known.set(key, /** @type {HTMLElement} */ (child));
    else child.remove();
  }
  let next = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const element = known.get(key) ?? build(item);
    element.dataset.key = key;
    update?.(element, item);
    if (element === next) next = next.nextElementSibling;
    else parent.insertBefore(element, next);
  }
}
