import assert from "node:assert/strict";
import { test } from "node:test";

const texts = {
  no_such_place: "no such place",
  not_allowed: "not allowed",
  not_available: "not available",
  signed_out: "signed out",
  too_fast: "too fast",
  too_many_pages: "too many pages",
  ended: "ended",
};
const written = { textContent: JSON.stringify({ messageLimit: 10, texts }) };
globalThis.document = { getElementById: () => written };

const { excess, sends } = await import("../../static/hub/js/composer.js");
const { pageState } = await import("../../static/hub/js/hub/page-state.js");
const { refusal } = await import("../../static/hub/js/refusals.js");

const key = (event) => ({ key: "Enter", keyCode: 13, shiftKey: false, isComposing: false, ...event });

for (const [name, event, expected] of [
  ["Enter sends", {}, true],
  ["Shift+Enter starts a line", { shiftKey: true }, false],
  ["Enter that ends a composition in Chromium and Firefox", { isComposing: true, keyCode: 229 }, false],
  ["Enter that ended a composition in Safari", { keyCode: 229 }, false],
  ["Enter while something is composed, whatever its number", { isComposing: true }, false],
  ["another key", { key: "a", keyCode: 65 }, false],
  ["a key of an on-screen keyboard", { key: "Unidentified", keyCode: 229 }, false],
]) {
  test(name, () => assert.equal(sends(key(event)), expected));
}

for (const [message, over] of [
  ["", 0],
  ["0123456789", 0],
  ["0123456789a", 1],
  ["🎉".repeat(10), 0],
  ["🎉".repeat(13), 3],
  ["e\u0301".repeat(6), 2],
  ["\ud83c".repeat(11), 1],
  ["x".repeat(100_000), 99_990],
]) {
  test(`${[...message].length} characters are ${over} too many`, () => assert.equal(excess(message), over));
}

const connected = { state: "connected", code: 0 };
const closed = (code) => ({ state: "closed", code });

test("a page that says why its connection is closed says nothing else of a call", () => {
  pageState.setFault("The hub does not accept the token of this page.");
  assert.equal(refusal({ code: 1, message: "" }, closed(3500), "otherwise"), pageState.fault);
  pageState.setFault("");
});

for (const [code, message, hub, said] of [
  [404, "There is no such room.", connected, "There is no such room."],
  [429, "Too many rooms.", connected, "Too many rooms."],
  [404, "", connected, "otherwise"],
  [102, "unknown channel", connected, "no such place"],
  [103, "permission denied", connected, "not allowed"],
  [104, "method not found", connected, "not available"],
  [108, "not available", connected, "not available"],
  [109, "token expired", connected, "signed out"],
  [111, "too many requests", connected, "too fast"],
  [100, "internal server error", connected, "otherwise"],
  [107, "bad request", connected, "otherwise"],
  [1, "closed", closed(3500), "signed out"],
  [1, "closed", closed(3504), "too many pages"],
  [1, "closed", closed(3503), "ended"],
  [1, "no answer", connected, "otherwise"],
  [103, "permission denied", closed(3500), "not allowed"],
]) {
  test(`error ${code} while ${hub.state} (${hub.code}) is "${said}"`, () => {
    assert.equal(refusal({ code, message }, hub, "otherwise"), said);
  });
}
