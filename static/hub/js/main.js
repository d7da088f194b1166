/** The scripts of the hub's own pages, besides the widgets. */

import { paintAvatars } from "./avatars.js";
import { Broadcast } from "./broadcast.js";
import { connect } from "./hub.js";
import { closeMenusOutside } from "./menu.js";
import { showStatus } from "./status.js";
import { localiseTimes } from "./times.js";
import { Topics } from "./topics.js";

localiseTimes(document);
paintAvatars(document);
closeMenusOutside();
document
  .querySelector("[data-select]")
  ?.addEventListener("focus", (event) => /** @type {HTMLInputElement} */ (event.target).select());

const hub = connect();
showStatus(hub);

const form = document.querySelector("[data-broadcast]");
if (form instanceof HTMLFormElement) new Broadcast(form, hub);

const topics = document.querySelector("[data-topics]");
if (topics instanceof HTMLElement) new Topics(topics, hub);
