/**
 * Prepares a page of another origin for the widgets: fetches their texts from the hub, asks for a token to know whose
 * page it is, and says why if something does not work.
 */

import { configure as configurePage } from "../hub/config.js";
import { NoToken, pause } from "../hub/connection.js";
import { pageState } from "../hub/page-state.js";
import { connect } from "../hub.js";
import { Faults } from "./faults.js";
import { dress } from "./look.js";
import { Texts } from "./texts.js";
import { fromAddress, Tokens } from "./tokens.js";

/** @import { Hub } from "../hub.js" */
/** @import { TokenSource } from "../hub/connection.js" */

/**
 * @typedef {object} Options
 * @property {TokenSource} [getToken] returns the token of the person who looks at the page; by default it is fetched from
 * the address in `data-token-url` of the script, and without that the page is a guest's
 * @property {string} [language] by default that of the page: `<html lang>`, else `data-language` of the script, else the
 * browser's
 */

/** The element that loads this module, also past a redirect; null if a script imports it. */
const script =
  [...document.scripts].find(({ src }) => src === import.meta.url) ??
  [...document.scripts].find(({ dataset }) => dataset.tokenUrl) ??
  null;

/** @type {Options} */
let options = {};
let hasBegun = false;

pageState.hold();
dress();

/** Resolves with the hub of this page when the widgets begin; rejects if they cannot. @type {Promise<Hub>} */
const beginning = begin();
beginning.catch(() => {}); // the widgets say why

/**
 * Sets options of the widgets. Call it in a module of the page, right after it has imported this one.
 *
 * @param {Options} given
 */
export function configure(given) {
  if (hasBegun) throw new Error("The widgets have begun already: call configure() right after the import.");
  options = { ...options, ...given };
}

/**
 * Returns the hub of this page, with the connection that the widgets use.
 *
 * @returns {Promise<Hub>} rejects if the widgets cannot begin, as they then say on the page
 */
export function ready() {
  return beginning;
}

async function begin() {
  await isRead();
  hasBegun = true;
  const base = new URL(".", import.meta.url);
  const faults = new Faults(base);
  const language = options.language || document.documentElement.lang || script?.dataset.language || navigator.language;
  const loaded = await new Texts(base, faults).load(language || "en");
  const { texts, messageLimit, language: found, transports } = loaded;
  configurePage({ texts, language: found });
  const tokens = source();
  const user = tokens && (await person(tokens, faults));
  configurePage({
    endpoint: transports.map((transport) => ({ transport, endpoint: new URL(`connection/${transport}`, base).href })),
    emulation: new URL("emulation", base).href,
    user,
    getToken: tokens && (() => tokens.next()),
    language: found,
    messageLimit,
    texts,
  });
  pageState.begin();
  const hub = connect();
  faults.watch(hub);
  return hub;
}

/** @returns {Tokens | null} null on a page of guests */
function source() {
  if (options.getToken) return new Tokens(options.getToken, "getToken()");
  const address = script?.dataset.tokenUrl;
  return address ? new Tokens(fromAddress(address), address) : null;
}

/**
 * @param {Tokens} tokens
 * @param {Faults} faults
 */
async function person(tokens, faults) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await tokens.person();
    } catch (error) {
      faults.noToken(/** @type {Error} */ (error));
      if (error instanceof NoToken) throw error;
    }
    await pause(attempt);
  }
}

/**
 * Waits until the modules of the page have run, so that one that comes later can still call `configure`. They run before
 * the browser says that the page is loaded.
 */
async function isRead() {
  const [page] = performance.getEntriesByType("navigation");
  if (page instanceof PerformanceNavigationTiming && page.domContentLoadedEventStart) {
    await new Promise((resolve) => setTimeout(resolve));
  } else {
    await new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve, { once: true }));
  }
}
