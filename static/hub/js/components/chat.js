/** `<hub-chat room="…">`: the messages of a room, the people in it, and the message box. */

import { paintAvatars } from "../avatars.js";
import { Composer } from "../composer.js";
import { config, language } from "../hub/config.js";
import { refusal } from "../refusals.js";
import { showTime } from "../times.js";
import { CHAT } from "./chat-styles.js";
import { icon, make, plural, reconcile, text } from "./dom.js";
import { define, HubElement } from "./element.js";
import { Namesakes } from "./namesakes.js";
import { reloadLink } from "./unread.js";

/** @import { Entry, Person, Room } from "../hub/room.js" */

/** Pixels from the end that still count as the end, and from the beginning that load older messages. */
const NEAR = 80;
/** The number of names that are shown; the rest is counted. */
const NAMES = 3;

/** Attribute `room`: the name or address of the room. */
export class HubChat extends HubElement {
  #people = make("p", { class: "people", part: "people" });
  #area = make("div", { class: "scroll", part: "messages", tabindex: "0", role: "region" });
  #log = make("div", { role: "log" });
  #list = make("ol", { class: "messages" });
  #spinner = make("div", { class: "spinner", role: "img" });
  #empty = make("div", { class: "empty", part: "empty" });
  #stale = make("p", { class: "banner", role: "alert", part: "stale" });
  #newer = make("button", { type: "button", class: "newer primary", part: "newer" });
  #typing = make("p", { class: "typing", part: "typing" });
  #form = make("form", { class: "composer", part: "composer", novalidate: true });
  #box = make("textarea", { rows: 1, autocomplete: "off", part: "input" });
  #error = make("p", { class: "error", id: "error", role: "alert", part: "error" });
  #composer = new Composer(this.#form, this.#box, this.#error, (message) => this.#send(message));
  #locked = make("p", { class: "locked", part: "locked" });
  /** Whether the list is scrolled to its end. */
  #atEnd = true;
  /** The people who are shown. */
  #namesakes = new Namesakes([]);
  /** The room, while the widget is in a page. @type {Room | null} */
  #entered = null;

  constructor() {
    super(CHAT);
    this.#box.addEventListener("input", () => this.#box.value && this.#room.typed());
    this.#area.addEventListener("scroll", () => this.#onScroll());
    this.#newer.addEventListener("click", () => {
      this.#toEnd();
      this.#area.focus();
    });
    // An on-screen keyboard or a growing message box shrinks the area without a scroll event.
    new ResizeObserver(() => this.#atEnd && this.#toEnd()).observe(this.#area);
  }

  connected() {
    const room = this.hub.room(this.getAttribute("room") ?? "");
    this.#entered = room;
    this.#area.ariaLabel = text("conversation");
    this.#log.ariaLabel = text("messages");
    this.#spinner.ariaLabel = text("loading");
    this.#newer.replaceChildren(icon("down"), text("new_messages"));
    this.#empty.replaceChildren(icon("chat"), make("h2", {}, text("quiet")), make("p", {}, text("be_first")));
    this.#log.replaceChildren(this.#list);
    this.#area.replaceChildren(this.#spinner, this.#empty, this.#log);
    this.#box.id = "message";
    this.#box.placeholder = text("write");
    this.#box.setAttribute("aria-describedby", "error hint");
    const send = make("button", { type: "submit", class: "primary", part: "send" });
    send.append(icon("send"), make("span", { class: "button-text" }, text("send")));
    this.#form.replaceChildren(
      make("label", { class: "visually-hidden", for: "message" }, text("message")),
      make("div", { class: "row" }, this.#box, send),
      this.#error,
      make("p", { class: "hint", id: "hint" }, text("enter_sends")),
    );
    const login = make("a", { href: loginHere() }, text("log_in"));
    this.#locked.replaceChildren(make("span", {}, text("login_to_write")), config().urls.login ? login : "");
    const main = make("div", { class: "main" }, this.#area, this.#newer);
    this.root.append(this.#people, this.#stale, main, this.#typing, this.#form, this.#locked);
    this.stops.push(
      room.on("change", () => this.changed()),
      room.on("arrived", (entry) => this.#onArrived(entry)),
      // A widget that is moved within the page starts the room again before this closes it.
      () => queueMicrotask(() => room.close()),
    );
    room.start();
    this.render();
  }

  render() {
    const room = this.#room;
    const loaded = room.state === "ready" || room.entries.length > 0;
    const entries = [...room.entries, ...room.outgoing];
    if (this.#atEnd) room.trim();
    this.#namesakes = new Namesakes([...room.people, ...room.typing, ...entries.map(author)]);
    this.#spinner.hidden = loaded || room.state === "failed" || room.state === "missing";
    this.#empty.hidden = room.state !== "ready" || entries.length > 0;
    this.#showRefusal();
    this.#form.hidden = !room.mayWrite;
    this.#locked.hidden = room.mayWrite || room.state !== "ready";
    const height = this.#area.scrollHeight;
    const top = this.#area.scrollTop;
    const first = this.#list.firstElementChild;
    reconcile(
      this.#list,
      entries,
      (entry) => entry.key,
      (entry) => this.#build(entry),
      (element, entry) => this.#update(element, entry),
    );
    this.#group(entries);
    this.#showPeople();
    this.#showTyping();
    if (this.#atEnd) this.#toEnd();
    else if (first?.previousElementSibling) this.#area.scrollTop = top + this.#area.scrollHeight - height;
    this.#loadUntilScrollable();
  }

  /** @returns {Room} */
  get #room() {
    return /** @type {Room} */ (this.#entered);
  }

  // --- messages ------------------------------------------------------------------------------------------------------

  /** @param {Entry} entry */
  #build(entry) {
    if (isNotice(entry)) return make("li", { class: "notice", part: "notice" }, make("span", { dir: "auto" }));
    const time = make("time");
    showTime(time, entry.at);
    const initial = [...entry.username][0]?.toUpperCase() ?? "";
    const avatar = make("span", { class: "avatar", part: "avatar", "aria-hidden": "true" }, initial);
    avatar.dataset.avatar = entry.userId || entry.username;
    const item = make(
      "li",
      { class: "message", part: "message" },
      avatar,
      make(
        "div",
        { class: "bubble", part: "bubble" },
        make("p", { class: "message-head" }, make("span", { class: "author", dir: "auto" }), time),
        make("p", { class: "message-text", dir: "auto" }, entry.text),
      ),
    );
    if (entry.kind !== "posted") item.append(this.#delivery(entry));
    paintAvatars(item);
    return item;
  }

  /** Shows whether an unsent message waits or has failed. @param {Entry} entry */
  #delivery(entry) {
    const retry = make("button", { type: "button", class: "quiet" }, text("retry"));
    retry.addEventListener("click", () => this.#room.retry(entry.key));
    const back = make("button", { type: "button", class: "quiet" }, text("take_back"));
    back.addEventListener("click", () => this.#takeBack(entry.key));
    return make("div", { class: "fate" }, make("span", { class: "fate-text", role: "alert" }), retry, back);
  }

  /**
   * @param {HTMLElement} element
   * @param {Entry} entry
   */
  #update(element, entry) {
    const name = this.#namesakes.shown(author(entry));
    const shown = /** @type {HTMLElement} */ (element.querySelector(isNotice(entry) ? "span" : ".author"));
    setText(shown, isNotice(entry) ? text(entry.kind, { username: name }) : name);
    shown.title = name === entry.username ? "" : entry.userId;
    const delivery = element.querySelector(".fate-text");
    if (!delivery) return;
    const failed = entry.kind === "failed";
    const waits = this.hub.state !== "connected";
    element.classList.toggle("sending", !failed);
    element.classList.toggle("failed", failed);
    const why = () => refusal({ code: entry.code, message: entry.error }, this.hub, text("not_sent"));
    setText(delivery, failed ? why() : waits ? text("sent_later") : "");
  }

  /** Marks the person's own messages, and messages that follow another one of the same author. */
  #group(/** @type {Entry[]} */ entries) {
    let before = "";
    entries.forEach((entry, place) => {
      // No id has a space.
      const by = entry.text ? entry.userId || ` ${entry.username}` : "";
      const { classList } = this.#list.children[place];
      classList.toggle("mine", this.#isMine(entry));
      classList.toggle("continued", by !== "" && by === before);
      before = by;
    });
  }

  /** @param {Entry} entry */
  #isMine(entry) {
    return entry.text !== "" && entry.userId !== "" && entry.userId === this.hub.user.id;
  }

  /** @param {string} message */
  #send(message) {
    this.#box.value = "";
    this.#atEnd = true;
    this.#room.send(message);
  }

  /** Puts a failed message back into the message box if the box is empty. @param {string} key */
  #takeBack(key) {
    const message = this.#room.discard(key);
    if (!this.#box.value) this.#box.value = message;
    this.#box.focus();
    this.#composer.say("");
  }

  /** Shows why the room is missing or could not be loaded. */
  #showRefusal() {
    const { state, error } = this.#room;
    this.#stale.hidden = state !== "failed" && state !== "missing";
    // A room that was never shown needs no frame.
    this.toggleAttribute("data-missing", state === "missing" && !this.#list.children.length);
    if (this.#stale.hidden) return;
    const why = error ? refusal(error, this.hub, text("stale")) : text("room_ended");
    if (this.#stale.firstChild?.textContent === why) return;
    this.#stale.replaceChildren(why, state === "failed" ? reloadLink() : "");
  }

  // --- reading -------------------------------------------------------------------------------------------------------

  #toEnd() {
    this.#area.scrollTop = this.#area.scrollHeight;
    this.#newer.hidden = true;
  }

  /** @param {Entry} entry */
  #onArrived(entry) {
    if (!this.#atEnd && !this.#isMine(entry)) this.#newer.hidden = false;
  }

  #onScroll() {
    const { scrollHeight, scrollTop, clientHeight } = this.#area;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.#atEnd) this.#newer.hidden = true;
    if (scrollTop < NEAR) this.#room.older();
  }

  /** Loads older messages if the list is too short to scroll. */
  #loadUntilScrollable() {
    const room = this.#room;
    if (room.state === "ready" && room.more && this.#area.scrollHeight <= this.#area.clientHeight) room.older();
  }

  // --- others --------------------------------------------------------------------------------------------------------

  #showPeople() {
    const { people, count } = this.#room;
    this.#people.hidden = !count;
    const shown = people.slice(0, NAMES);
    const names = make("span", { class: "names", "aria-hidden": "true" });
    for (const { id, name } of shown) {
      const title = this.#namesakes.shown({ id, name });
      const avatar = make("span", { class: "avatar small", title }, [...name][0]?.toUpperCase() ?? "");
      avatar.dataset.avatar = id || name;
      names.append(avatar);
    }
    paintAvatars(names);
    const list = new Intl.ListFormat(language(), { type: "conjunction" });
    const others = count - shown.length;
    const who = list.format([...this.#names(shown), ...(others > 0 ? [plural("others", others)] : [])]);
    const said = text("here", { names: who });
    const key = JSON.stringify([said, shown]);
    if (this.#people.dataset.said === key) return;
    this.#people.dataset.said = key;
    this.#people.replaceChildren(names, make("span", { class: "who", dir: "auto" }, said));
  }

  /** @param {Person[]} people */
  #names(people) {
    return people.map((person) => this.#namesakes.shown(person));
  }

  #showTyping() {
    const { typing } = this.#room;
    const list = new Intl.ListFormat(language(), { type: "conjunction" });
    const names = typing.length > NAMES ? [plural("others", typing.length)] : this.#names(typing);
    const said = typing.length
      ? text(typing.length > 1 ? "types_many" : "types_one", { names: list.format(names) })
      : "";
    setText(this.#typing, said);
  }
}

/**
 * Sets the text if it differs: a screen reader announces each change of a live region.
 *
 * @param {Element} element
 * @param {string} said
 */
function setText(element, said) {
  if (element.textContent !== said) element.textContent = said;
}

/** @param {Entry} entry */
function isNotice(entry) {
  return entry.kind === "joined" || entry.kind === "left";
}

/**
 * @param {Entry} entry
 * @returns {Person}
 */
function author(entry) {
  return { id: entry.userId, name: entry.username };
}

function loginHere() {
  const url = new URL(config().urls.login || "/", location.href);
  url.searchParams.set("next", location.pathname);
  return url.href;
}

define("hub-chat", HubChat);
