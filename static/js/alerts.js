/** Alerts: the page that lists them, and the toasts on every other page. */

import { Composer } from "./composer.js";
import { LiveList } from "./live-list.js";
import { ReconnectingSocket } from "./socket.js";
import { showTime } from "./times.js";

/** @import { Frame } from "./socket.js" */

const TOASTS = 4;
const TOAST_TIME = 8_000;

/**
 * The page `/notifications/`: the rendered alerts, then live ones.
 *
 * @param {HTMLElement} section
 * @param {string} path of the door
 * @returns {ReconnectingSocket}
 */
export function followAlerts(section, path) {
  const socket = new ReconnectingSocket(path, section.dataset.cursor);
  new LiveList(socket, { selector: "[data-alerts] [data-list]", build: alertItem, newest: "start" });
  const form = section.querySelector("[data-composer]");
  if (form instanceof HTMLFormElement) {
    new Composer(form, socket, (frame, text) => frame.type === "notification" && frame.message === text);
  }
  return socket;
}

/**
 * Every other page: an alert that arrives shows for a while.
 *
 * @param {HTMLElement} region
 * @param {string} path of the door
 * @returns {ReconnectingSocket}
 */
export function showToasts(region, path) {
  const socket = new ReconnectingSocket(path, "now");
  socket.addEventListener("frame", (event) => {
    const item = alertItem(/** @type {CustomEvent<Frame>} */ (event).detail);
    // The same alert may come through two channels, a person's own and a group's.
    if (item && !document.getElementById(`alert-${item.dataset.id}`)) addToast(region, item);
  });
  return socket;
}

/**
 * The list item of a notification frame; `null` for other frames.
 *
 * @param {Frame} frame
 * @returns {HTMLElement | null}
 */
function alertItem(frame) {
  if (frame.type !== "notification") return null;
  const template =
    document.querySelector(`[data-alert-template="${CSS.escape(String(frame.level))}"]`) ??
    document.querySelector('[data-alert-template="info"]');
  if (!(template instanceof HTMLTemplateElement)) return null;
  const item = template.content.firstElementChild?.cloneNode(true);
  if (!(item instanceof HTMLElement)) return null;
  const find = (/** @type {string} */ part) => /** @type {HTMLElement} */ (item.querySelector(`[data-${part}]`));
  item.dataset.id = frame.id === undefined ? "" : String(frame.id);
  find("title").textContent = frame.title ?? "";
  find("title").hidden = !frame.title;
  find("message").textContent = frame.message;
  find("message").id = `alert-${item.dataset.id}`;
  showTime(find("time"), frame.at);
  const target = linkTarget(frame.url);
  if (target) {
    find("link").setAttribute("href", target);
    find("link").setAttribute("aria-describedby", find("message").id);
  }
  find("link").hidden = !target;
  return item;
}

/**
 * `url` if it is an http(s) address or a path of this site, else an empty string. The twin of the template filter.
 *
 * @param {unknown} url
 * @returns {string}
 */
function linkTarget(url) {
  if (typeof url !== "string" || !/^(https?:\/\/|\/(?![/\\]))/i.test(url)) return "";
  return url;
}

/**
 * @param {HTMLElement} region
 * @param {HTMLElement} item
 */
function addToast(region, item) {
  const button = document.querySelector("[data-dismiss-template]");
  if (button instanceof HTMLTemplateElement) item.append(button.content.cloneNode(true));
  item.classList.add("toast");
  region.append(item);
  while (region.children.length > TOASTS) region.firstElementChild?.remove();

  let timer = 0;
  const wait = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => item.remove(), TOAST_TIME);
  };
  const hold = () => clearTimeout(timer);
  item.addEventListener("pointerenter", hold);
  item.addEventListener("focusin", hold);
  item.addEventListener("pointerleave", () => !item.contains(document.activeElement) && wait());
  item.addEventListener("focusout", wait);
  item.addEventListener("keydown", (event) => event.key === "Escape" && item.remove());
  item.querySelector("button")?.addEventListener("click", () => item.remove());
  wait();
}
