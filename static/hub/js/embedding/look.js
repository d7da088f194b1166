/** Brings the design tokens and the icons along: a page of another origin links to neither. */

import tokens from "../../css/tokens.css";
import drawings from "../../icons/icons.svg";
import { setDrawings } from "../components/icons.js";
import { sheet } from "../sheets.js";

/** Gives the page the design tokens, which its own rules override, and the widgets their icons. */
export function dress() {
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet(tokens)];
  setDrawings(drawings);
}
