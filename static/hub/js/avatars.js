/** Colours of avatars: the same name has the same hue everywhere. */

/**
 * Sets the hue of each avatar below `root`.
 *
 * @param {ParentNode} root
 */
export function paintAvatars(root) {
  for (const element of root.querySelectorAll("[data-avatar]")) {
    if (element instanceof HTMLElement) element.style.setProperty("--hue", String(hue(element.dataset.avatar ?? "")));
  }
}

/** @param {string} name */
function hue(name) {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return sum;
}
