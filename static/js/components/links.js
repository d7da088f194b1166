/** Which addresses of alerts become links. */

/**
 * `url` if it is an http(s) address or a path of this site, else an empty string. The twin of the template filter.
 *
 * @param {unknown} url
 * @returns {string}
 */
export function linkTarget(url) {
  if (typeof url !== "string" || !/^(https?:\/\/|\/(?![/\\]))/i.test(url)) return "";
  return url;
}
