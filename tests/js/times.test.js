import assert from "node:assert/strict";
import test from "node:test";

import { shortest } from "../../static/hub/js/times.js";

const NOW = new Date(2026, 10, 30, 12);

test("a time of today is shown without its day", () => {
  assert.equal(shortest(new Date(2026, 10, 30, 0, 1), NOW), "clock");
});

test("a time of this year is shown with its day", () => {
  assert.equal(shortest(new Date(2026, 10, 29, 23, 59), NOW), "day");
  assert.equal(shortest(new Date(2026, 11, 31), NOW), "day");
});

test("a time of another year is shown with its year", () => {
  assert.equal(shortest(new Date(2025, 11, 14), NOW), "date");
  assert.equal(shortest(new Date(2027, 0, 1), NOW), "date");
});
