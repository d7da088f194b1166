/** The base class of the widgets. */

import { whyClosed } from "../ends.js";
import { absenceOf } from "../hub/absence.js";
import { pageState } from "../hub/page-state.js";
import { connect } from "../hub.js";
import { sheet } from "../sheets.js";
import { icon, make, text } from "./dom.js";
import { BASE } from "./styles.js";

/** @import { Hub } from "../hub.js" */

/**
 * A widget with a shadow root. `connected` builds it when it is inserted into a page, or when the page has fetched its
 * configuration; the functions in `stops` are called when it is removed.
 */
export class HubElement extends HTMLElement {
  /** @type {(() => void)[]} */
  stops = [];
  /** Whether `connected` was called. */
  isBuilt = false;
  #isScheduled = false;
  /** @type {HTMLElement | null} */
  #fault = null;
  /** The sentence that is shown. */
  #why = "";

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
    this.isBuilt = false;
    this.#why = "";
    this.stops.push(pageState.on("change", () => this.#follow()));
    this.#follow();
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

  /**
   * Shows why the widget cannot go on, above what it shows otherwise. Subclasses override it.
   *
   * @param {string} sentence empty if nothing is wrong
   */
  showFault(sentence) {
    this.#fault?.remove();
    this.#fault = sentence ? faultNote(sentence) : null;
    this.#fault?.setAttribute("role", "alert");
    if (this.#fault) this.root.prepend(this.#fault);
  }

  #follow() {
    if (pageState.isReady && !this.isBuilt) {
      this.root.replaceChildren();
      this.isBuilt = true;
      this.connected();
      const show = () => this.#showWhy();
      this.stops.push(this.hub.on("state", show), absenceOf(this.hub).on("change", show));
    }
    this.toggleAttribute("data-waits", !this.isBuilt);
    this.#showWhy();
  }

  #showWhy() {
    // What a widget says of its own calls is the same then, or less.
    this.toggleAttribute("data-closed", this.isBuilt && Boolean(pageState.fault) && this.hub.state === "closed");
    const why = pageState.fault || (this.isBuilt && !pageState.saysItself ? this.#whyNot() : "");
    if (why === this.#why) return;
    this.#why = why;
    this.showFault(why);
  }

  /** Why there is no connection; empty if there is one, or has not been for a moment only. */
  #whyNot() {
    if (this.hub.state === "closed") return whyClosed(this.hub.code);
    return absenceOf(this.hub).isLong ? text("fault_away") : "";
  }
}

/**
 * @param {string} sentence
 * @returns {HTMLElement}
 */
export function faultNote(sentence) {
  return make("p", { class: "fault", part: "fault" }, icon("warning"), make("span", {}, sentence));
}

/**
 * @param {string} name
 * @param {CustomElementConstructor} widget
 */
export function define(name, widget) {
  if (!customElements.get(name)) customElements.define(name, widget);
}
