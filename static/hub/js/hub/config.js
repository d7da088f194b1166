/** Reads the configuration of the page: the JSON that the template tag `hub_scripts` prints. */

/**
 * @typedef {object} Config
 * @property {string | {transport: string, endpoint: string}[]} endpoint of the client connection, or one endpoint for
 * each transport: the HTTP transports serve networks that block WebSockets
 * @property {string} emulation the address to which HTTP transports send commands
 * @property {{id: string, name: string} | null} user empty strings for a guest; null if the page does not know the person
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
  known = {
    endpoint: "/connection/websocket",
    emulation: "/emulation",
    user: null,
    icons: "",
    urls: { login: "", alerts: "" },
    messageLimit: 4000,
    texts: {},
    ...(written ? JSON.parse(written) : {}),
  };
  return /** @type {Config} */ (known);
}
