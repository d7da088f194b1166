/** Decides which addresses of alerts become links. */

/**
 * Returns `url` if it is an http(s) address or a path of this site, else an empty string. The template filter
 * `link_target` has the same rule.
 *
 * @param {unknown} url
 * @returns {string}
 */
export function linkTarget(url) {
  if (typeof url !== "string" || !/^(https?:\/\/|\/(?![/\\]))/i.test(url)) return "";
  return url;
}
