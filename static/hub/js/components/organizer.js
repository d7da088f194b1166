/** Does with alerts what a person chose, and offers to undo it. */

import { icon, make, plural, text } from "./dom.js";
import { SnoozeMenu } from "./snooze-menu.js";
import { UndoBar } from "./undo-bar.js";

/** @import { Alert, Change } from "../hub/alerts.js" */
/** @import { Inbox } from "../hub/inbox.js" */

/** @typedef {Change | "archive_read" | "all_read"} Done */

/** What undoes it. @type {{[done: string]: Change}} */
const OPPOSITES = {
  read: "unread",
  all_read: "unread",
  unread: "read",
  archive: "unarchive",
  archive_read: "unarchive",
  unarchive: "archive",
  snooze: "unsnooze",
};

export class Organizer {
  #inbox;
  #menu;
  #bar = new UndoBar();

  /**
   * @param {ShadowRoot} root where its menu and its note are put
   * @param {Inbox} inbox
   */
  constructor(root, inbox) {
    this.#inbox = inbox;
    this.#menu = new SnoozeMenu(root);
    root.append(this.#bar.element);
  }

  /**
   * @param {Change} change
   * @param {Alert[]} alerts
   * @param {HTMLElement} opener beside which it asks until when
   */
  do(change, alerts, opener) {
    if (change === "snooze") this.#menu.open(opener, (until) => this.#change(change, alerts, until));
    else this.#change(change, alerts);
  }

  /** @param {"read" | "archive_read"} change */
  async doAll(change) {
    this.#bar.hide();
    const ids = await this.#inbox.changeAll(change);
    this.#offer(change === "read" ? "all_read" : change, ids, () => this.#undo(change, ids, new Map()));
  }

  /**
   * Says what was done, and offers to undo it.
   *
   * @param {string} sentence
   * @param {() => void} undo
   */
  offer(sentence, undo) {
    this.#bar.show(sentence, undo);
  }

  /** Undoes what was done last, while that is offered. */
  undo() {
    this.#bar.undo();
  }

  /**
   * @param {Change} change
   * @param {Alert[]} alerts
   * @param {string} [until]
   */
  async #change(change, alerts, until) {
    this.#bar.hide(); // what it offers to undo is not what was done last any more
    /** @type {Map<number, string>} */
    const snoozed = new Map();
    for (const { id, snoozed_until: moment } of alerts) if (moment) snoozed.set(id, moment);
    const chosen = alerts.map(({ id }) => id);
    const ids = await this.#inbox.change(change, chosen, until);
    this.#offer(change, ids, () => this.#undo(change, ids, snoozed));
  }

  /**
   * @param {Done} done
   * @param {number[]} ids
   * @param {() => void} undo
   */
  #offer(done, ids, undo) {
    if (ids.length) this.#bar.show(plural(`done_${done}`, ids.length), undo);
  }

  /**
   * @param {string} done
   * @param {number[]} ids
   * @param {Map<number, string>} snoozed until when each was, before
   */
  #undo(done, ids, snoozed) {
    const others = ids.filter((id) => !snoozed.has(id));
    const opposite = OPPOSITES[done];
    if (others.length && opposite) this.#inbox.change(opposite, others);
    for (const [id, until] of snoozed) {
      if (!ids.includes(id)) continue;
      if (done === "read" || done === "unread") this.#inbox.change(opposite, [id]);
      else this.#inbox.change("snooze", [id], until);
    }
  }
}

/**
 * The change with which an alert leaves a list.
 *
 * @param {string} state of the list
 * @returns {Change}
 */
export function awayFrom(state) {
  if (state === "archived") return "unarchive";
  return state === "snoozed" ? "unsnooze" : "archive";
}

/**
 * The buttons of one alert.
 *
 * @param {"all" | "unread" | "archived" | "snoozed"} state of the list that it is in
 * @param {(change: Change, opener: HTMLElement) => void} act
 * @returns {HTMLElement[]}
 */
export function alertTools(state, act) {
  const away = awayFrom(state);
  /** @type {[string, Change, string][]} */
  const tools = [
    ["unread", "unread", "unmark"],
    [away === "archive" ? "archive" : "inbox", away, ""],
    ["clock", "snooze", ""],
  ];
  return tools.map(([drawn, change, kind]) => {
    const name = change === "unread" ? text("mark_unread") : text(change);
    const button = make(
      "button",
      { type: "button", class: `quiet round tool ${kind}`, "data-change": change, title: name, "aria-label": name },
      icon(drawn),
    );
    button.addEventListener("click", () => act(change, button));
    return button;
  });
}
