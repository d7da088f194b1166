import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";

import { TabConnection } from "../../static/hub/js/hub/tab-connection.js";

/** The client of the library, which emits what a test says. */
class Client extends EventEmitter {
  connect() {}
}

/** A connection, and what makes its next attempts fail with these codes of the server. */
function failing() {
  let client;
  const Scripted = class extends Client {
    constructor() {
      super();
      client = this;
    }
  };
  const connection = new TabConnection(Scripted, "wss://hub.example.com/connection/websocket", "");
  return {
    connection,
    client,
    fail: (code) => client.emit("error", { type: "connect", error: { code, message: "" } }),
  };
}

test("one token that has ended is nothing to speak of, a new one that has ended is", () => {
  const { connection, fail } = failing();
  const codes = [];
  connection.on("state", ({ state, code }) => codes.push([state, code]));
  for (const code of [109, 109, 109, 2, 109]) fail(code);
  assert.deepEqual(codes, [
    ["reconnecting", 0],
    ["reconnecting", 109],
    ["reconnecting", 0],
  ]);
});

test("a connection begins to count ended tokens anew", () => {
  const { connection, client, fail } = failing();
  fail(109);
  client.emit("connected", {});
  client.emit("connecting", {});
  fail(109);
  assert.equal(connection.code, 0);
  fail(109);
  assert.equal(connection.code, 109);
  client.emit("connected", {});
  assert.equal(connection.code, 0);
});

test("an error of a connection that stands is none of its attempts", () => {
  const { connection, client, fail } = failing();
  client.emit("connected", {});
  fail(109);
  fail(109);
  assert.deepEqual([connection.state, connection.code], ["connected", 0]);
});
