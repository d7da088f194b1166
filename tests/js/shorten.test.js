import assert from "node:assert/strict";
import test from "node:test";

import { mayBeLong } from "../../static/hub/js/components/shorten.js";

test("texts of many characters or many lines may be long", () => {
  assert.ok(mayBeLong("a".repeat(201)));
  assert.ok(mayBeLong("a\n".repeat(6)));
});

test("others are not", () => {
  assert.ok(!mayBeLong("a".repeat(200)));
  assert.ok(!mayBeLong(Array(6).fill("a").join("\n")));
});
