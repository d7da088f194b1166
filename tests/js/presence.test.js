import assert from "node:assert/strict";
import { test } from "node:test";

import { Presence } from "../../static/js/hub/presence.js";
import { ScriptedLine, turnOfTheLoop } from "./scripted-line.js";

const client = (id, user = "") => ({ client: id, user });

test("people are counted, not their connections, and go on being counted", async () => {
  const line = new ScriptedLine();
  const presence = new Presence(line, "room:1");
  presence.start();
  const asked = presence.ask();
  const { question, answer } = await line.next();
  assert.deepEqual(question, { ask: "presence", channel: "room:1" });
  answer({ a: client("a", "7"), b: client("b", "7"), c: client("c"), d: client("d") });
  await asked;
  assert.equal(presence.people, 3);
  line.emit("join", { kind: "join", channel: "room:1", client: client("e", "8") });
  assert.equal(presence.people, 4);
  line.emit("leave", { kind: "leave", channel: "room:1", client: client("a", "7") });
  line.emit("leave", { kind: "leave", channel: "room:2", client: client("c") });
  await turnOfTheLoop();
  assert.equal(presence.people, 3);
  line.emit("leave", { kind: "leave", channel: "room:1", client: client("c") });
  assert.equal(presence.people, 2);
});
