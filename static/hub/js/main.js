/** The scripts of the hub's own pages, besides the widgets. */

import { paintAvatars } from "./avatars.js";
import { Broadcast } from "./broadcast.js";
import { pageState } from "./hub/page-state.js";
import { connect } from "./hub.js";
import { LiveParts } from "./live-parts.js";
import { closeMenusOutside } from "./menu.js";
import { SchedulePreview } from "./schedules.js";
import { showStatus } from "./status.js";
import { localiseTimes } from "./times.js";
import { Topics } from "./topics.js";
import { offerZone } from "./zone-offer.js";

// In the base template of a project the page stands in a shadow root.
const page = document.querySelector("hub-page")?.shadowRoot ?? document;

localiseTimes(page);
paintAvatars(page);
closeMenusOutside();
page
  .querySelector("[data-select]")
  ?.addEventListener("focus", (event) => /** @type {HTMLInputElement} */ (event.target).select());

pageState.saysItself = true;
const hub = connect();
showStatus(hub, page);

const form = page.querySelector("[data-broadcast]");
if (form instanceof HTMLFormElement) new Broadcast(form, hub);

const schedule = page.querySelector("[data-schedule]");
if (schedule instanceof HTMLFormElement) new SchedulePreview(schedule);

const live = page.querySelector("[data-live-channel]");
if (live instanceof HTMLElement) new LiveParts(live, page, hub);

const zone = page.querySelector("[data-zone-offer]");
if (zone instanceof HTMLElement) offerZone(zone);

const topics = page.querySelector("[data-topics]");
if (topics instanceof HTMLElement) new Topics(topics, hub);
