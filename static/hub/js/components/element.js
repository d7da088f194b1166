/** The base class of the widgets. */

import { connect } from "../hub.js";
import { BASE } from "./styles.js";

/** @import { Hub } from "../hub.js" */

/** @type {Map<string, CSSStyleSheet>} */
const sheets = new Map();

/** @param {string} css */
function sheet(css) {
  const known = sheets.get(css) ?? new CSSStyleSheet();
  if (!sheets.has(css)) {
    known.replaceSync(css);
    sheets.set(css, known);
  }
  return known;
}

/**
 * A widget with a shadow root. `connected` builds it when it is inserted into a page; the functions in `stops` are called
 * when it is removed.
 */
export class HubElement extends HTMLElement {
  /** @type {(() => void)[]} */
  stops = [];
  #isScheduled = false;

  /** @param {string} [css] */
  constructor(css = "") {
    super();
    /** @type {ShadowRoot} */
    this.root = this.attachShadow({ mode: "open" });
    this.root.adoptedStyleSheets = [sheet(BASE), sheet(css)];
  }

  /** @returns {Hub} the hub of this page */
  get hub() {
    return connect();
  }

  connectedCallback() {
    this.root.replaceChildren();
    this.connected();
  }

  disconnectedCallback() {
    for (const stop of this.stops.splice(0)) stop();
  }

  /** Builds the widget and adds its listeners. Subclasses override it. */
  connected() {}

  /** Shows the current state. Subclasses override it. */
  render() {}

  /** Calls `render` once before the next frame, however often this is called. */
  changed() {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (this.isConnected) this.render();
    });
  }
}

/**
 * @param {string} name
 * @param {CustomElementConstructor} widget
 */
export function define(name, widget) {
  if (!customElements.get(name)) customElements.define(name, widget);
}
