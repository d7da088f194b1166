/** Offers the time zone of the browser on the page of preferences: one click chooses it, and nothing else does. */

import { zoneToOffer } from "./hub/preferences.js";

/** @param {HTMLElement} offer with the zone that holds, beside the form's choice of zones */
export function offerZone(offer) {
  const form = offer.closest("form");
  const select = form?.querySelector("select[name=time_zone]");
  if (!form || !(select instanceof HTMLSelectElement)) return;
  const zones = [...select.options].map(({ value }) => value);
  const zone = zoneToOffer(zones, offer.dataset.zoneOffer ?? "");
  if (!zone) return;
  const said = /** @type {HTMLElement} */ (offer.querySelector("span"));
  said.textContent = said.textContent.replace("{zone}", zone);
  offer.querySelector("button")?.addEventListener("click", () => {
    select.value = zone;
    form.requestSubmit();
  });
  offer.hidden = false;
}
