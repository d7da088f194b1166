import assert from "node:assert/strict";
import { test } from "node:test";

import { Presence } from "../../static/hub/js/hub/presence.js";
import { ScriptedConnection, turnOfTheLoop } from "./scripted-connection.js";

const client = (id, user = "") => ({ client: id, user });

test("presence counts people, not connections, and follows joins and leaves", async () => {
  const connection = new ScriptedConnection();
  const presence = new Presence(connection, "room:1");
  presence.start();
  const asked = presence.ask();
  const { question, answer } = await connection.next();
  assert.deepEqual(question, { ask: "presence", channel: "room:1" });
  answer({ a: client("a", "7"), b: client("b", "7"), c: client("c"), d: client("d") });
  await asked;
  assert.equal(presence.people, 3);
  connection.emit("join", { kind: "join", channel: "room:1", client: client("e", "8") });
  assert.equal(presence.people, 4);
  connection.emit("leave", { kind: "leave", channel: "room:1", client: client("a", "7") });
  connection.emit("leave", { kind: "leave", channel: "room:2", client: client("c") });
  await turnOfTheLoop();
  assert.equal(presence.people, 3);
  connection.emit("leave", { kind: "leave", channel: "room:1", client: client("c") });
  assert.equal(presence.people, 2);
});
