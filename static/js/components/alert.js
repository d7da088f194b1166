/** How one alert looks, in the list and as a toast. */

import { showTime } from "../times.js";
import { icon, make, text } from "./dom.js";
import { linkTarget } from "./links.js";

/** @import { Alert } from "../hub/inbox.js" */

const LEVELS = ["info", "success", "warning", "error", "debug"];
let made = 0;

/**
 * @param {Alert} alert
 * @param {(() => void) | null} [followed] called when somebody follows its link
 * @returns {HTMLLIElement}
 */
export function alertItem(alert, followed = null) {
  const level = LEVELS.includes(alert.level) ? alert.level : "info";
  const id = `alert-${++made}`;
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
    if (followed) link.addEventListener("click", followed);
    body.append(link);
  }
  return make("li", { class: `alert ${level}`, part: "alert" }, icon(level), body);
}
