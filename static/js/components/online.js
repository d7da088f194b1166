/** `<hub-online>`: how many people are online. */

import { make, plural } from "./dom.js";
import { define, HubElement } from "./element.js";

/** The channel of the hub's own count. */
const OWN = "online";

const HIDDEN = `
position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
`;
const STYLES = `
:host { display: inline-block; color: inherit; font-variant-numeric: tabular-nums; }
.number { display: none; }
:host([number=""]) .number { display: inline; }
:host([number=""]) .words { ${HIDDEN} }
@media (width < 48rem) {
  :host([number="narrow"]) .number { display: inline; }
  :host([number="narrow"]) .words { ${HIDDEN} }
}
`;

/**
 * Attributes: `channel`, by default the hub's own count; `number` shows the bare number to those who see, and the words
 * to screen readers, and `number="narrow"` does so in narrow windows; `live` tells screen readers of changes.
 */
export class HubOnline extends HubElement {
  #words = make("span", { class: "words", part: "words" });
  #asked = false;
  #number = make("span", { class: "number", part: "number", "aria-hidden": "true" });

  constructor() {
    super(STYLES);
  }

  connected() {
    const presence = this.#presence;
    if (this.hasAttribute("live")) this.#words.role = "status";
    this.root.append(this.#number, this.#words);
    this.stops.push(presence.on("change", () => this.changed()));
    this.render();
    // Other channels than the hub's own count tell who is there, not how many.
    if (this.#channel !== OWN) this.#ask();
  }

  async #ask() {
    try {
      await this.#presence.ask();
      this.#asked = true;
      this.changed();
    } catch {
      // Not for this person to know, or there is no such channel: it stays a dash.
    }
  }

  render() {
    const count = this.#presence.count ?? (this.#asked ? this.#presence.people : null);
    this.toggleAttribute("ready", count !== null);
    this.#number.textContent = count === null ? "–" : new Intl.NumberFormat(language()).format(count);
    this.#words.textContent = count === null ? "" : plural("online", count);
  }

  get #channel() {
    return this.getAttribute("channel") || OWN;
  }

  get #presence() {
    return this.hub.presence(this.#channel);
  }
}

function language() {
  return document.documentElement.lang || undefined;
}

define("hub-online", HubOnline);
