import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";

import { fromAddress, Tokens } from "../../static/hub/js/embedding/tokens.js";
import { NoToken } from "../../static/hub/js/hub/connection.js";

afterEach(() => mock.restoreAll());

const SOON = Date.now() / 1_000 + 5;
const LATER = Date.now() / 1_000 + 600;

/** A token that says this; what it is signed with is the server's concern. */
function signed(claims) {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2lnbmVk`;
}

/** Tokens of a page whose source gives these, one after the other. */
function tokens(...given) {
  const source = mock.fn(async () => {
    const next = given.shift();
    if (next instanceof Error) throw next;
    return next;
  });
  return { source, tokens: new Tokens(source, "/hub-token") };
}

function answering(status, body) {
  mock.method(globalThis, "fetch", async () => new Response(body, { status }));
}

test("a token names its person, in any script", async () => {
  const { tokens: found } = tokens(signed({ sub: "ж-7", name: "Åsa Ödmann 🦊", exp: LATER }), signed({ exp: LATER }));
  assert.deepEqual(await found.person(), { id: "ж-7", name: "Åsa Ödmann 🦊" });
  assert.deepEqual(await found.person(), { id: "", name: "" });
});

test("the token that named the person is used once, and not when it is about to end", async () => {
  const [first, second, third] = [LATER, LATER, LATER].map((exp, number) => signed({ sub: "7", exp, number }));
  const good = tokens(first, second, third);
  await good.tokens.person();
  assert.equal(await good.tokens.next(), first);
  assert.equal(await good.tokens.next(), second);
  const late = tokens(signed({ sub: "7", exp: SOON }), third);
  await late.tokens.person();
  assert.equal(await late.tokens.next(), third);
});

for (const [what, given] of [
  ["a log-in page", "<!DOCTYPE html><title>Log in</title>"],
  ["nothing", undefined],
  ["an access token", "hub_abcdefgh"],
  ["parts that are no JSON", "a.b.c"],
]) {
  test(`${what} is no token, and names the address`, async () => {
    await assert.rejects(tokens(given).tokens.person(), (error) => {
      assert.ok(error instanceof NoToken);
      assert.match(error.message, /^\/hub-token gives something that is no signed token$/);
      return true;
    });
  });
}

test("an error of the source goes on to who asks", async () => {
  await assert.rejects(tokens(new TypeError("network")).tokens.person(), TypeError);
});

test("an address may answer text or JSON", async () => {
  answering(200, "a.b.c\n");
  assert.equal(await fromAddress("/hub-token")(), "a.b.c");
  answering(200, '{"token": "d.e.f"}');
  assert.equal(await fromAddress("/hub-token")(), "d.e.f");
});

for (const [status, isFinal] of [
  [401, true],
  [403, true],
  [429, false],
  [500, false],
]) {
  test(`an address that answers ${status} is ${isFinal ? "not asked again" : "asked again"}`, async () => {
    answering(status, "");
    await assert.rejects(fromAddress("/hub-token")(), (error) => error instanceof NoToken === isFinal);
  });
}
