/** What all widgets of the hub have in common. */

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
 * A widget with a shadow root. `connected` builds it when it comes into a page, `stops` end what it listens to when
 * it goes.
 */
export class HubElement extends HTMLElement {
  /** @type {(() => void)[]} */
  stops = [];
  #asked = false;

  /** @param {string} [css] */
  constructor(css = "") {
    super();
    /** @type {ShadowRoot} */
    this.root = this.attachShadow({ mode: "open" });
    this.root.adoptedStyleSheets = [sheet(BASE), sheet(css)];
  }

  /** @returns {Hub} of this page */
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

  /** To build the widget and to follow the hub. */
  connected() {}

  /** To show what has changed. */
  render() {}

  /** Calls `render` before the next frame, once however often it is asked for. */
  changed() {
    if (this.#asked) return;
    this.#asked = true;
    queueMicrotask(() => {
      this.#asked = false;
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
