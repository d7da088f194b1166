/** Creates elements. Strings become text nodes: nothing here parses markup. */

import { config, language } from "../hub/config.js";
import { drawing } from "./icons.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {Node | string | null | undefined | false} Child
 */

/**
 * Creates an element with attributes and children. `true` sets an attribute without a value; `false`, `null` and
 * `undefined` leave it out.
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
  const drawn = drawing(name);
  if (drawn) draw(svg, drawn);
  else {
    const use = document.createElementNS(SVG, "use");
    use.setAttribute("href", `${config().icons}#${name}`);
    svg.append(use);
  }
  return svg;
}

/**
 * @param {Element} parent
 * @param {import("./icons.js").Drawing} drawing
 */
function draw(parent, { attributes, shapes }) {
  for (const [name, value] of Object.entries(attributes)) parent.setAttribute(name, value);
  for (const { tag, attributes: ofShape } of shapes) {
    const shape = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(ofShape)) shape.setAttribute(name, value);
    parent.append(shape);
  }
}

/**
 * Returns a text in the language of the page, with `{name}` replaced.
 *
 * @param {string} name
 * @param {{[name: string]: string}} [values]
 * @returns {string}
 */
export function text(name, values = {}) {
  return (config().texts[name] ?? "").replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

/**
 * Returns a text with a number, which replaces `{number}`. The plural forms are the texts `<name>_one`, `<name>_few`,
 * `<name>_many` and `<name>_other`, after the categories of `Intl.PluralRules`.
 *
 * @param {string} name
 * @param {number} count
 * @param {string} [shown] the text that stands for the number; by default the formatted number
 * @returns {string}
 */
export function plural(name, count, shown) {
  const category = new Intl.PluralRules(language()).select(count);
  const { texts } = config();
  const words = texts[`${name}_${category}`] ?? texts[`${name}_other`] ?? "";
  return words.replace("{number}", shown ?? new Intl.NumberFormat(language()).format(count));
}

/**
 * Updates the children of `parent` to match `items`, in order. Elements of items that stay are kept, with their focus,
 * selection and animations.
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
