/** What the page says of itself: the JSON that the template tag `hub_scripts` prints. */

/**
 * @typedef {object} Config
 * @property {string | {transport: string, endpoint: string}[]} endpoint of the hub socket, with what stands in for it
 * where networks let no WebSocket through
 * @property {string} emulation where such a stand-in sends to
 * @property {{id: string, name: string} | null} user empty strings for a guest; null where the page does not know
 * @property {string} icons the address of the icons
 * @property {{login: string, alerts: string}} urls
 * @property {number} messageLimit characters (code points) that a message may have
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
