import assert from "node:assert/strict";
import test from "node:test";

import { ICONS, isSign } from "../../static/hub/js/components/kind-icon.js";

test("emoji and short texts are shown as they are", () => {
  for (const icon of ["🚚", "❤️", "1️⃣", "🇩🇪", "👨‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👩🏽‍🚀", "PR", "№", "!"]) assert.ok(isSign(icon), icon);
});

test("other texts are not", () => {
  const others = [
    "",
    "lorry",
    "<b>",
    "/a.png",
    "PR 7",
    "\u202ex",
    "\u200d",
    " ",
    "\n",
    "🚚".repeat(11),
    "data:,",
    "1+1=2",
  ];
  for (const icon of others) assert.ok(!isSign(icon), icon);
});

test("no name of an icon is taken for an emoji or a short text", () => {
  for (const icon of ICONS) assert.ok(!isSign(icon), icon);
});
