/**
 * The shapes of icons, for pages that cannot link to `icons.svg`: browsers take no `<use>` from another origin. Without
 * them icons are links to `config().icons`.
 */

/** @typedef {{attributes: {[name: string]: string}, shapes: {tag: string, attributes: {[name: string]: string}}[]}} Drawing */

/** @type {{[name: string]: Drawing}} */
let drawings = {};

/** @param {{[name: string]: Drawing}} given */
export function setDrawings(given) {
  drawings = given;
}

/**
 * @param {string} name
 * @returns {Drawing | undefined}
 */
export function drawing(name) {
  return drawings[name];
}
