/** A chat room: the rendered messages, then live ones, and the box to write. */

import { paintAvatars } from "./avatars.js";
import { Composer } from "./composer.js";
import { LiveList } from "./live-list.js";
import { ReconnectingSocket } from "./socket.js";
import { showTime } from "./times.js";

/** @import { Frame } from "./socket.js" */

/** So many pixels above the end still count as reading the end. */
const NEAR = 80;

/**
 * @param {HTMLElement} room
 * @returns {ReconnectingSocket}
 */
export function openRoom(room) {
  const me = room.dataset.me ?? "";
  const list = /** @type {HTMLElement} */ (room.querySelector("[data-list]"));
  const socket = new ReconnectingSocket(room.dataset.socket ?? "", room.dataset.cursor);
  const stayAtEnd = followEnd(room);
  group(list, me);
  stayAtEnd();
  new LiveList(socket, {
    selector: "[data-room] [data-list]",
    build: messageItem,
    newest: "end",
    changed: () => {
      group(list, me);
      stayAtEnd();
    },
  });
  const form = room.querySelector("[data-composer]");
  if (form instanceof HTMLFormElement) {
    new Composer(
      form,
      socket,
      (frame, text) =>
        frame.type === "message" && frame.id !== undefined && frame.username === me && frame.message === text,
    );
  }
  return socket;
}

/**
 * The list item of a message or of a notice ("System" speaks without an id); `null` for other frames.
 *
 * @param {Frame} frame
 * @returns {HTMLElement | null}
 */
function messageItem(frame) {
  if (frame.type !== "message") return null;
  const isNotice = frame.id === undefined || frame.id === null;
  const template = document.querySelector(isNotice ? "[data-notice-template]" : "[data-message-template]");
  if (!(template instanceof HTMLTemplateElement)) return null;
  const item = template.content.firstElementChild?.cloneNode(true);
  if (!(item instanceof HTMLElement)) return null;
  const find = (/** @type {string} */ part) => /** @type {HTMLElement} */ (item.querySelector(`[data-${part}]`));
  find("message").textContent = frame.message;
  if (isNotice) return item;
  item.dataset.id = String(frame.id);
  item.dataset.author = frame.username;
  find("name").textContent = frame.username;
  find("avatar").textContent = [...frame.username][0]?.toUpperCase() ?? "";
  find("avatar").dataset.avatar = frame.username;
  paintAvatars(item);
  showTime(find("time"), frame.at);
  return item;
}

/**
 * Marks my own messages, and those that follow another of the same person, which need no name again.
 *
 * @param {HTMLElement} list
 * @param {string} me
 */
function group(list, me) {
  let before = "";
  for (const item of list.children) {
    const author = (item instanceof HTMLElement && item.dataset.author) || "";
    item.classList.toggle("mine", author !== "" && author === me);
    item.classList.toggle("continued", author !== "" && author === before);
    before = author;
  }
}

/**
 * Keeps the end of the conversation in view for who reads there, and offers the way to it to who reads above.
 *
 * @param {HTMLElement} room
 * @returns {() => void} to call after the list has changed
 */
function followEnd(room) {
  const area = /** @type {HTMLElement} */ (room.querySelector("[data-scroll]"));
  const newer = /** @type {HTMLElement} */ (room.querySelector("[data-newer]"));
  let atEnd = true;
  const toEnd = () => {
    area.scrollTop = area.scrollHeight;
  };
  area.addEventListener("scroll", () => {
    atEnd = area.scrollHeight - area.scrollTop - area.clientHeight < NEAR;
    if (atEnd) newer.hidden = true;
  });
  newer.addEventListener("click", () => {
    toEnd();
    area.focus();
  });
  // A keyboard that slides in, or a box that grows, makes the area smaller without a scroll.
  new ResizeObserver(() => atEnd && toEnd()).observe(area);
  return () => {
    if (atEnd) toEnd();
    else newer.hidden = false;
  };
}
