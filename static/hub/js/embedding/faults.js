/** Finds out why the widgets of a page cannot go on, and says so: on the page to people, in the console to developers. */

import { text } from "../components/dom.js";
import { whyClosed } from "../ends.js";
import { absenceOf } from "../hub/absence.js";
import { NoToken, TOKEN_OVER } from "../hub/connection.js";
import { pageState } from "../hub/page-state.js";

/** @import { Hub } from "../hub.js" */

/** Milliseconds in which the browser reports what a policy has blocked. */
const REPORT_DELAY = 100;

export class Faults {
  #base;
  /** What the policy of the page has blocked of the hub's. @type {SecurityPolicyViolationEvent | null} */
  #blocked = null;
  /** Whether it has blocked a request to the page's own origin. */
  #blocksItself = false;
  /** @param {URL} base the address of the hub */
  constructor(base) {
    this.#base = base;
    document.addEventListener("securitypolicyviolation", (event) => {
      if (event.disposition !== "enforce") return;
      if (event.blockedURI.startsWith(base.origin)) this.#blocked = event;
      else if (event.effectiveDirective === "connect-src" && event.blockedURI.startsWith(location.origin)) {
        this.#blocksItself = true;
      }
    });
  }

  /** The hub does not answer. */
  away() {
    this.#say(
      text("fault_away") || "The hub does not answer. This appears again as soon as it does.",
      this.#base.href,
    );
  }

  /**
   * The page has no token. It asks again unless `why` is {@link NoToken}, and by then the browser has reported what the
   * policy has blocked.
   *
   * @param {Error} why
   */
  noToken(why) {
    if (why instanceof TypeError && this.#blocksItself) {
      this.#say("The Content-Security-Policy of this page blocks its own tokens: connect-src needs 'self'.");
      return;
    }
    this.#say(text(why instanceof NoToken ? "fault_no_token" : "fault_no_answer"), why.message);
  }

  /**
   * Says so if the page may not ask the hub: its own policy blocks it, or the hub does not know its origin.
   *
   * @param {string} address of a request that has failed
   */
  async isForbidden(address) {
    await new Promise((resolve) => setTimeout(resolve, REPORT_DELAY));
    if (this.#blocked) {
      const { effectiveDirective } = this.#blocked;
      this.#say(
        `The Content-Security-Policy of this page blocks the hub: ${effectiveDirective} needs ${this.#base.origin} ` +
          `and ${this.#base.origin.replace("http", "ws")}.`,
      );
      return true;
    }
    // The script is for every page. So if that is not to be had, it is the hub that is away, or a proxy speaks for it; and
    // it may have come back just now.
    if (!(await answers(new URL("widgets.js", this.#base), "HEAD")) || (await answers(address))) return false;
    this.#say(`This page may not use the hub: HUB_TOKEN_ORIGINS of ${this.#base.host} lacks ${location.origin}.`);
    return true;
  }

  /**
   * Says from now on when the connection is lost for longer, or for good.
   *
   * @param {Hub} hub
   */
  watch(hub) {
    const absence = absenceOf(hub);
    const update = () => {
      if (hub.state === "connected") pageState.setFault("");
      else if (hub.state === "closed") this.#say(whyClosed(hub.code, { withTokens: true }), `code ${hub.code}`);
      else if (hub.code === TOKEN_OVER) this.#say(text("fault_token_over"), `code ${hub.code}`);
      else if (absence.isLong) this.away();
    };
    hub.on("state", update);
    absence.on("change", update);
    update();
  }

  /**
   * @param {string} sentence
   * @param {string} [detail] for developers
   */
  #say(sentence, detail) {
    if (sentence !== pageState.fault) console.error(`hub: ${sentence}${detail ? ` (${detail})` : ""}`);
    pageState.setFault(sentence);
  }
}

/**
 * Whether a page may read what the address answers.
 *
 * @param {string | URL} address
 * @param {string} [method]
 */
async function answers(address, method = "GET") {
  try {
    await fetch(address, { method, credentials: "omit", cache: "no-store" });
    return true;
  } catch {
    return false;
  }
}
