/** How long something still takes. */

/** Milliseconds for which it is watched before that is said. */
const LONG_ENOUGH = 1_500;

/** @type {[number, string][]} */
const UNITS = [
  [3_600, "hour"],
  [60, "minute"],
  [1, "second"],
];

/** How fast something goes, by the clock of this page. */
export class Pace {
  /** Seconds, if they are known. @type {number | null} */
  remaining = null;
  #since = 0;
  #from = 0;
  #last = Number.NaN;

  /**
   * @param {number | null | undefined} done
   * @param {number | null | undefined} total
   */
  note(done, total) {
    if (typeof done !== "number" || !total) {
      this.remaining = null;
      this.#last = Number.NaN;
      return;
    }
    if (done === this.#last) return;
    const now = performance.now();
    // It begins, or begins again.
    if (!(done > this.#last)) [this.#since, this.#from] = [now, done];
    this.#last = done;
    const took = now - this.#since;
    this.remaining =
      took < LONG_ENOUGH || done <= this.#from
        ? null
        : Math.max(0, ((total - done) * took) / (done - this.#from) / 1_000);
  }
}

/**
 * @param {number} seconds
 * @param {string | undefined} language
 * @returns {string} in words, such as "3 minutes"
 */
export function timeIn(seconds, language) {
  const [size, unit] = UNITS.find(([length]) => seconds >= length) ?? [1, "second"];
  const number = Math.max(1, Math.round(seconds / size));
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "long" }).format(number);
}
