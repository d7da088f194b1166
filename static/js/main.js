/** Starts what the page has. */

import { followAlerts, showToasts } from "./alerts.js";
import { paintAvatars } from "./avatars.js";
import { openRoom } from "./chat.js";
import { closeMenusOutside } from "./menu.js";
import { showOnline } from "./online.js";
import { ReconnectingSocket } from "./socket.js";
import { showStatus } from "./status.js";
import { localiseTimes } from "./times.js";

const find = (/** @type {string} */ selector) => /** @type {HTMLElement | null} */ (document.querySelector(selector));
const { alertsSocket = "", onlineSocket = "" } = document.body.dataset;

localiseTimes(document);
paintAvatars(document);
closeMenusOutside();
find("[data-select]")?.addEventListener("focus", (event) => /** @type {HTMLInputElement} */ (event.target).select());

const online = new ReconnectingSocket(onlineSocket);
showOnline(online);
showStatus(online);

const alerts = find("[data-alerts]");
const toasts = find("[data-toasts]");
if (alerts) showStatus(followAlerts(alerts, alertsSocket));
else if (toasts) showStatus(showToasts(toasts, alertsSocket));

const room = find("[data-room]");
if (room) showStatus(openRoom(room));
