/** Style sheets that are made in code: a Content-Security-Policy that forbids inline styles lets them pass. */

/** @type {Map<string, CSSStyleSheet>} */
const sheets = new Map();

/**
 * Returns the sheet of these styles: the same one each time.
 *
 * @param {string} css
 * @returns {CSSStyleSheet}
 */
export function sheet(css) {
  const known = sheets.get(css) ?? new CSSStyleSheet();
  if (!sheets.has(css)) {
    known.replaceSync(css);
    sheets.set(css, known);
  }
  return known;
}
