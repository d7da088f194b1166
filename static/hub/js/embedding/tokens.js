/** Signed tokens of a page: where they come from, and whom they name. */

import { NoToken } from "../hub/connection.js";

/** @import { TokenSource } from "../hub/connection.js" */

/** Three parts of Base64, joined by dots. */
const SIGNED = /^[\w-]+\.([\w-]+)\.[\w-]+$/;
/** Seconds that a token must still be valid to be used for a connection. */
const SPARE = 10;

/**
 * Returns a source that fetches tokens from an address of the page's own origin. The answer is the token as text, or JSON
 * with `token`. 401 and 403 say that nobody is logged in.
 *
 * @param {string} address
 * @returns {TokenSource}
 */
export function fromAddress(address) {
  return async () => {
    const answer = await fetch(address, { cache: "no-store", headers: { accept: "application/json, text/plain" } });
    if (answer.status === 401 || answer.status === 403) throw new NoToken(`${address} answers ${answer.status}`);
    if (!answer.ok) throw new Error(`${address} answers ${answer.status}`);
    const text = (await answer.text()).trim();
    return text.startsWith("{") ? JSON.parse(text).token : text;
  };
}

/** The tokens of one page. */
export class Tokens {
  #source;
  #name;
  /** The token that named the person, until a connection uses it. */
  #unused = "";

  /**
   * @param {TokenSource} source
   * @param {string} name what it is called in errors
   */
  constructor(source, name) {
    this.#source = source;
    this.#name = name;
  }

  /**
   * Asks for a token and returns whom it names.
   *
   * @returns {Promise<{id: string, name: string}>} empty strings for a guest
   */
  async person() {
    this.#unused = await this.#ask();
    const { sub = "", name = "" } = claims(this.#unused) ?? {};
    return { id: String(sub), name: String(name) };
  }

  /** @returns {Promise<string>} a token for a connection */
  async next() {
    const unused = this.#unused;
    this.#unused = "";
    const end = unused ? (claims(unused)?.exp ?? Number.POSITIVE_INFINITY) : 0;
    return end > Date.now() / 1_000 + SPARE ? unused : this.#ask();
  }

  async #ask() {
    const token = await this.#source();
    if (!claims(token)) throw new NoToken(`${this.#name} gives something that is no signed token`);
    return token;
  }
}

/**
 * What a token says, unverified: the server verifies it.
 *
 * @param {unknown} token
 * @returns {{sub?: unknown, name?: unknown, exp?: number} | null} null if it is no signed token
 */
function claims(token) {
  const payload = typeof token === "string" && token.match(SIGNED)?.[1];
  if (!payload) return null;
  try {
    const bytes = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0))));
  } catch {
    return null;
  }
}
