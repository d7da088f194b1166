/** Colours of avatars: the same person has the same hue everywhere. */

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

/** Degrees between the hues of ids that follow each other: about the golden angle, and prime to 360. */
const SPREAD = 137;

/** @param {string} id of the person, or the name where no id is known */
function hue(id) {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return (sum * SPREAD) % 360;
}
