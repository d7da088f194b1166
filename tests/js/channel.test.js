import assert from "node:assert/strict";
import { test } from "node:test";

import { Channel } from "../../static/hub/js/hub/channel.js";
import { ScriptedConnection } from "./scripted-connection.js";

function open() {
  const connection = new ScriptedConnection();
  const channel = new Channel(connection, "order:7");
  channel.start();
  return { connection, channel };
}

test("a publication is emitted under its type, and as one of any type", () => {
  const { channel } = open();
  const got = [];
  channel.on("shipped", (data) => got.push(["shipped", data.order]));
  channel.on("*", (data) => got.push(["*", data.order]));
  channel.deliver({ type: "shipped", order: 7 });
  channel.deliver({ order: 8 });
  assert.deepEqual(got, [
    ["shipped", 7],
    ["*", 7],
    ["*", 8],
  ]);
});

test("a channel says whether it is subscribed", () => {
  const { connection, channel } = open();
  const states = [];
  channel.on("state", (state) => states.push(state));
  connection.begin("order:8", 1);
  assert.equal(channel.state, "subscribing");
  connection.begin("order:7", 1);
  connection.begin("order:7", 1);
  connection.emit("unsubscribed", { kind: "unsubscribed", channel: "order:7", code: 103 });
  assert.deepEqual(states, ["subscribed", "ended"]);
  assert.equal(channel.code, 103);
});

test("a channel is left when its last user has closed it", () => {
  const { connection, channel } = open();
  channel.start();
  channel.close();
  assert.ok(connection.subscribed.has("order:7"));
  assert.ok(connection.isWanted("order:7"));
  channel.close();
  assert.ok(!connection.subscribed.has("order:7"));
  assert.ok(!connection.isWanted("order:7"));
});
