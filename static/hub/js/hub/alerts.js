/** What an alert is, and what is published of alerts. */

import { language } from "./config.js";
import { serverTime } from "./server-clock.js";

/**
 * @typedef {object} Alert
 * @property {number} id
 * @property {string} message
 * @property {string} title may be empty
 * @property {string} level `info`, `success`, `warning`, `error` or `debug`
 * @property {string} url the link; may be empty. The sender chose it, so pass it through `links.js` before use
 * @property {string} at ISO 8601
 * @property {any} data
 * @property {{name: string, title: string}} [topic] the topic to which it was sent
 * @property {AlertAction[]} [actions] its buttons
 * @property {string} [chosen] the name of the action that the person has chosen
 * @property {string} [expires_at] ISO 8601; from then on it is not shown
 * @property {string} [kind] the name of its kind, as the server declares it
 * @property {string} [category] the name of the kind's category
 * @property {string} [icon] the kind's icon
 * @property {boolean} [silent] the person does not want to be interrupted by it
 * @property {{id: number, count: number}} [bundle] it stands for so many alerts, itself among them
 * @property {number} [found_under] in a search: how many of those for which it stands have the words
 * @property {string} [bundled_as] what it has in common with others, which are muted together
 * @property {boolean} read
 * @property {boolean} [seen] it was in view, or is read
 * @property {string | null} [archived_at] ISO 8601, in lists of the archive
 * @property {string | null} [snoozed_until] ISO 8601, in lists of what is snoozed
 */

/** @typedef {"read" | "unread" | "archive" | "unarchive" | "snooze" | "unsnooze" | "seen"} Change */

/** @typedef {{unread: number, archived?: number, snoozed?: number, categories?: {[name: string]: number}}} Counts */
/**
 * @typedef {object} AlertAction
 * @property {string} name
 * @property {string} label
 * @property {string} [url] it leads there; otherwise it is chosen
 * @property {string} [style] `primary` or `danger`
 */

/** Publication types. */
export const CREATED = "notifications.notification_created";
export const READ = "notifications.alerts_read";
export const CHANGED = "notifications.alerts_changed";
export const RETURNED = "notifications.alert_returned";
export const WITHDRAWN = "notifications.alerts_withdrawn";
export const CHOSEN = "notifications.action_chosen";
export const UNFOLLOWED = "notifications.topic_unfollowed";

/**
 * Returns a publication with its texts in the language of the page. Alerts of a kind have texts in several languages where
 * many people share them, or nobody knows the reader's language.
 *
 * @param {any} data
 * @returns {any}
 */
export function inPageLanguage(data) {
  if (![CREATED, RETURNED].includes(data?.type) || !data.texts) return data;
  const { texts, ...alert } = data;
  const code = language()?.toLowerCase() ?? "";
  return { ...alert, ...(texts[code] ?? texts[code.split("-")[0]]) };
}

/**
 * @param {{expires_at?: string}} alert
 * @returns {boolean} whether it is not to be shown any more
 */
export function isExpired({ expires_at }) {
  return expires_at !== undefined && Date.parse(expires_at) <= serverTime();
}
