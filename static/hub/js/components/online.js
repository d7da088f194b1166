/** `<hub-online>`: the number of people online. */

import { language } from "../hub/config.js";
import { icon, make, plural } from "./dom.js";
import { define, HubElement } from "./element.js";

/** The channel in which the hub publishes its own count. */
const HUB_COUNT = "online";

const HIDDEN = `
position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
`;
const STYLES = `
:host { display: inline-block; color: inherit; font-variant-numeric: tabular-nums; }
.number { display: none; }
:host([number=""]) .number { display: inline; }
.sign { color: var(--hub-error); vertical-align: -0.25em; }
:host([number=""]) .words { ${HIDDEN} }
@media (width < 48rem) {
  :host([number="narrow"]) .number { display: inline; }
  :host([number="narrow"]) .words { ${HIDDEN} }
}
`;

/**
 * Attributes: `channel`, by default the hub's own count; `number` shows the bare number and leaves the words to screen
 * readers; `number="narrow"` does so in narrow windows; `live` announces changes to screen readers.
 */
export class HubOnline extends HubElement {
  #words = make("span", { class: "words", part: "words" });
  #isLoaded = false;
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
    // Other channels publish joins and leaves, not a count.
    if (this.#channel !== HUB_COUNT) this.#ask();
  }

  /** A mark in the place of the number, with the sentence for who points at it. @param {string} sentence */
  showFault(sentence) {
    this.root.querySelector(".sign")?.remove();
    if (sentence) {
      const attributes = { class: "sign", part: "fault", role: "img", title: sentence, "aria-label": sentence };
      this.root.prepend(make("span", attributes, icon("warning")));
    }
  }

  async #ask() {
    try {
      await this.#presence.ask();
      this.#isLoaded = true;
      this.changed();
    } catch {
      // The person may not see this presence, or the channel does not exist: the widget shows a dash.
    }
  }

  render() {
    const count = this.#presence.count ?? (this.#isLoaded ? this.#presence.people : null);
    this.toggleAttribute("ready", count !== null);
    this.#number.textContent = count === null ? "–" : new Intl.NumberFormat(language()).format(count);
    this.#words.textContent = count === null ? "" : plural("online", count);
  }

  get #channel() {
    return this.getAttribute("channel") || HUB_COUNT;
  }

  get #presence() {
    return this.hub.presence(this.#channel);
  }
}

define("hub-online", HubOnline);
