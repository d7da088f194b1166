/** One entry of a weekly plan is changed by what it was, not by its place: other changes may move it meanwhile. */

/** @import { HoursMessage } from "./protocol.js" */

/**
 * @param {HoursMessage[] | null} plan as it is stored
 * @param {HoursMessage[]} was what the entry may be in it, the likeliest first; none where it is new
 * @param {HoursMessage | null} wanted what it is to be; null takes it out
 * @returns {HoursMessage[] | null} the plan with the entry changed; null where nothing is left of it
 */
export function withEntry(plan, was, wanted) {
  const entries = [...(plan ?? [])];
  const places = was.map((hours) => entries.findIndex((entry) => isSame(entry, hours)));
  const place = places.find((found) => found >= 0) ?? entries.length;
  entries.splice(place, 1, ...(wanted ? [wanted] : []));
  return entries.length ? entries : null;
}

/**
 * @param {HoursMessage} one
 * @param {HoursMessage} other
 */
function isSame(one, other) {
  return (
    one.begin === other.begin &&
    one.end === other.end &&
    one.days.length === other.days.length &&
    one.days.every((day) => other.days.includes(day))
  );
}
