/** The time of the server: clocks of people's devices may be hours away from it. */

/** Milliseconds by which the server is ahead of this device. */
let ahead = 0;

/** Learns what time it is now. @param {string | undefined} iso ISO 8601, just said by the server */
export function learnTime(iso) {
  const said = iso ? Date.parse(iso) : Number.NaN;
  if (Number.isFinite(said)) ahead = said - Date.now();
}

/** @returns {number} milliseconds, as of `Date.now()` */
export function serverTime() {
  return Date.now() + ahead;
}
