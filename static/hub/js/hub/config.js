/**
 * The configuration of the page: the JSON that the template tag `hub_scripts` prints, or what `configure` was given.
 */

/** @import { TokenSource } from "./connection.js" */

/**
 * @typedef {object} Config
 * @property {string | {transport: string, endpoint: string}[]} endpoint of the client connection, or one endpoint for
 * each transport: the HTTP transports serve networks that block WebSockets
 * @property {string} emulation the address to which HTTP transports send commands
 * @property {{id: string, name: string} | null} user empty strings for a guest; null if the page does not know the person
 * @property {TokenSource | null} getToken returns a signed token for the connection; null where the session decides
 * @property {string} language of the texts, numbers and times
 * @property {string} icons the address of the icons
 * @property {{login: string, alerts: string}} urls
 * @property {number} messageLimit the greatest length of a message in code points
 * @property {{[name: string]: string}} texts in the language of the page
 */

/** @type {Config | null} */
let known = null;

/** @returns {Config} */
export function config() {
  if (known) return known;
  const written = globalThis.document?.getElementById("hub-config")?.textContent;
  return configure(written ? JSON.parse(written) : {});
}

/**
 * Sets the configuration; what is left out has its default.
 *
 * @param {Partial<Config>} given
 * @returns {Config}
 */
export function configure(given) {
  known = {
    endpoint: "/connection/websocket",
    emulation: "/emulation",
    user: null,
    getToken: null,
    language: globalThis.document?.documentElement?.lang || "",
    icons: "",
    urls: { login: "", alerts: "" },
    messageLimit: 4000,
    texts: {},
    ...given,
  };
  return known;
}

/** @returns {string | undefined} the language of the page, as `Intl` takes it; undefined for that of the browser */
export function language() {
  return config().language || undefined;
}
