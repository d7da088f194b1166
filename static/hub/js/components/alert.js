/** The element of one alert, in the list and as a toast. */

import { showTime } from "../times.js";
import { alertActions } from "./alert-actions.js";
import { icon, make, text } from "./dom.js";
import { kindIcon } from "./kind-icon.js";
import { linkTarget } from "./links.js";

/** @import { Alert } from "../hub/alerts.js" */
/** @import { Choose } from "./alert-actions.js" */

const LEVELS = ["info", "success", "warning", "error", "debug"];
let lastId = 0;

/**
 * @param {Alert} alert
 * @param {(() => void) | null} [onLinkClick] called when a person clicks its link
 * @param {Choose | null} [choose] chooses one of its actions
 * @returns {HTMLLIElement}
 */
export function alertItem(alert, onLinkClick = null, choose = null) {
  const level = LEVELS.includes(alert.level) ? alert.level : "info";
  const id = `alert-${++lastId}`;
  const time = make("time");
  showTime(time, alert.at);
  const message = make("p", { class: "alert-message", part: "message", id, dir: "auto" }, String(alert.message));
  const body = make(
    "div",
    { class: "alert-body" },
    make(
      "p",
      { class: "alert-head" },
      make("span", { class: "alert-level" }, text(`level_${level}`)),
      alert.topic && make("span", { class: "alert-topic", part: "topic", dir: "auto" }, String(alert.topic.title)),
      time,
    ),
    alert.title && make("p", { class: "alert-title", part: "title", dir: "auto" }, String(alert.title)),
    message,
  );
  const href = linkTarget(alert.url);
  if (href) {
    const link = make(
      "a",
      { class: "alert-link", part: "link", href, rel: "noopener noreferrer", "aria-describedby": id },
      text("open"),
      icon("arrow"),
    );
    if (onLinkClick) link.addEventListener("click", onLinkClick);
    body.append(link);
  }
  const actions = alertActions(alert, id, choose, onLinkClick);
  if (actions) body.append(actions);
  return make("li", { class: `alert ${level}`, part: "alert" }, kindIcon(alert.icon, level), body);
}
