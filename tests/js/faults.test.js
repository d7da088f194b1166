import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Faults } from "../../static/hub/js/embedding/faults.js";
import { configure } from "../../static/hub/js/hub/config.js";
import { NoToken } from "../../static/hub/js/hub/connection.js";
import { pageState } from "../../static/hub/js/hub/page-state.js";
import { ScriptedConnection } from "./scripted-connection.js";

const BASE = new URL("https://hub.example.com/");
const ORIGIN = "https://shop.example.com";
const TEXTS = {
  fault_away: "away",
  fault_no_answer: "no answer of the page",
  fault_token: "bad token",
  fault_no_token: "no token",
  fault_token_over: "ended token",
  disconnected: "an administrator",
  too_many_pages: "too many",
  not_understood: "not understood",
  ended: "ended",
};

/** Reports what the policy of the page blocks. */
let report;

beforeEach(() => {
  mock.restoreAll();
  globalThis.document = { addEventListener: (_, listener) => (report = listener), documentElement: { lang: "en" } };
  globalThis.location = { origin: ORIGIN };
  mock.method(console, "error", () => {});
  configure({ texts: TEXTS });
  pageState.setFault("");
});

/** Whether a page may read the script and the texts of the hub now. */
function network({ script, texts }) {
  mock.method(globalThis, "fetch", async (address, { method, credentials }) => {
    assert.equal(credentials, "omit");
    const isScript = String(address) === `${BASE}widgets.js` && method === "HEAD";
    if (!(isScript ? script : texts)) throw new TypeError("network");
  });
}

const forbidden = () => new Faults(BASE).isForbidden(`${BASE}widgets/en.json`);

test("an origin that is not listed is told apart from a hub that is away", async () => {
  network({ script: true, texts: false });
  assert.equal(await forbidden(), true);
  assert.equal(
    pageState.fault,
    "This page may not use the hub: HUB_TOKEN_ORIGINS of hub.example.com lacks https://shop.example.com.",
  );
  network({ script: false, texts: false });
  assert.equal(await forbidden(), false);
});

test("a hub that comes back while it is asked has not refused the page", async () => {
  network({ script: true, texts: true });
  assert.equal(await forbidden(), false);
  assert.equal(pageState.fault, "");
});

test("a policy that blocks the hub is named with what it needs", async () => {
  network({ script: false, texts: false });
  const faults = new Faults(BASE);
  const blocked = { disposition: "enforce", effectiveDirective: "connect-src" };
  report({ ...blocked, blockedURI: "https://elsewhere.example/x" });
  report({ ...blocked, blockedURI: `${BASE}widgets/en.json`, disposition: "report" });
  assert.equal(await faults.isForbidden(`${BASE}widgets/en.json`), false);
  report({ ...blocked, blockedURI: `${BASE}widgets/en.json` });
  assert.equal(await faults.isForbidden(`${BASE}widgets/en.json`), true);
  assert.match(pageState.fault, /connect-src needs https:\/\/hub\.example\.com and wss:\/\/hub\.example\.com\.$/);
});

test("a policy that blocks the page's own address of tokens is told from an address that fails", () => {
  const faults = new Faults(BASE);
  const blocked = { disposition: "enforce", effectiveDirective: "connect-src", blockedURI: `${ORIGIN}/hub-token` };
  report({ ...blocked, effectiveDirective: "img-src" });
  report({ ...blocked, disposition: "report" });
  faults.noToken(new TypeError("Failed to fetch"));
  assert.equal(pageState.fault, "no answer of the page");
  report(blocked);
  faults.noToken(new Error("/hub-token answers 500"));
  assert.equal(pageState.fault, "no answer of the page");
  faults.noToken(new TypeError("Failed to fetch"));
  assert.match(pageState.fault, /connect-src needs 'self'\.$/);
});

test("tokens that come too late are no hub that is away", () => {
  const hub = new ScriptedConnection();
  new Faults(BASE).watch(hub);
  hub.changeState("reconnecting", 109);
  hub.emit("state", {});
  assert.equal(pageState.fault, "ended token");
  hub.become("connected");
  assert.equal(pageState.fault, "");
});

test("a page whose own source of tokens fails says so, and blames no hub", () => {
  const faults = new Faults(BASE);
  faults.noToken(new Error("/hub-token answers 404"));
  assert.equal(pageState.fault, "no answer of the page");
  faults.noToken(new NoToken("/hub-token answers 401"));
  assert.equal(pageState.fault, "no token");
});

test("a short loss passes unnoticed, a longer one is said until the connection is back", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const hub = new ScriptedConnection();
  new Faults(BASE).watch(hub);
  hub.become("reconnecting");
  context.mock.timers.tick(14_000);
  hub.become("connected");
  context.mock.timers.tick(14_000);
  hub.become("reconnecting");
  context.mock.timers.tick(14_000);
  assert.equal(pageState.fault, "");
  context.mock.timers.tick(1_000);
  assert.equal(pageState.fault, "away");
  hub.become("connected");
  assert.equal(pageState.fault, "");
});

for (const [code, sentence] of [
  [1, "no token"],
  [3500, "bad token"],
  [3507, "no token"],
  [3503, "an administrator"],
  [3504, "too many"],
  [3501, "not understood"],
  [3, "not understood"],
  [4999, "ended"],
]) {
  test(`a connection that is closed for good with ${code} says: ${sentence}`, () => {
    const hub = new ScriptedConnection();
    new Faults(BASE).watch(hub);
    hub.changeState("closed", code);
    hub.emit("state", {});
    assert.equal(pageState.fault, sentence);
  });
}
