import assert from "node:assert/strict";
import { test } from "node:test";

import { UNRECOVERABLE } from "../../static/hub/js/hub/connection.js";
import { Stream } from "../../static/hub/js/hub/stream.js";
import { history, ScriptedConnection, turnOfTheLoop } from "./scripted-connection.js";

function open() {
  const connection = new ScriptedConnection();
  const got = [];
  const told = { broken: 0, caughtUp: 0 };
  const stream = new Stream(connection, "room:1", {
    publication: (data) => got.push(data),
    broken: () => {
      told.broken += 1;
    },
    caughtUp: () => {
      told.caughtUp += 1;
    },
  });
  return { connection, stream, got, told };
}

const say = (connection, ...offsets) => {
  for (const offset of offsets) connection.publish("room:1", offset, `p${offset}`);
};

test("publications wait for the list's position, and those that the list has are dropped", () => {
  const { connection, stream, got } = open();
  connection.begin("room:1", 3);
  say(connection, 4, 5, 6);
  assert.deepEqual(got, []);
  stream.setPosition({ epoch: "e1", offset: 5 });
  assert.deepEqual(got, ["p6"]);
});

test("a repeated publication is delivered once", () => {
  const { connection, stream, got } = open();
  connection.begin("room:1", 1);
  stream.setPosition({ epoch: "e1", offset: 1 });
  say(connection, 2, 2, 1, 3, 2, 3);
  assert.deepEqual(got, ["p2", "p3"]);
});

test("a gap is read from the history before what comes after it", async () => {
  const { connection, stream, got, told } = open();
  connection.begin("room:1", 1);
  stream.setPosition({ epoch: "e1", offset: 1 });
  say(connection, 2, 5);
  assert.deepEqual(got, ["p2"]);
  const { question, answer } = await connection.next();
  assert.deepEqual(question, { ask: "history", channel: "room:1", since: { epoch: "e1", offset: 2 } });
  say(connection, 6);
  answer(history(3, 5, 6));
  await turnOfTheLoop();
  assert.deepEqual(got, ["p2", "p3", "p4", "p5", "p6"]);
  assert.deepEqual(told, { broken: 0, caughtUp: 1 });
});

test("a list behind the subscribed position is caught up page by page", async () => {
  const { connection, stream, got } = open();
  stream.setPosition({ epoch: "e1", offset: 0 });
  connection.begin("room:1", 4);
  (await connection.next()).answer(history(1, 2, 4));
  (await connection.next()).answer(history(3, 4, 4));
  await turnOfTheLoop();
  assert.deepEqual(got, ["p1", "p2", "p3", "p4"]);
});

test("expired history breaks the stream and delivers nothing", async () => {
  const { connection, stream, got, told } = open();
  connection.begin("room:1", 9);
  stream.setPosition({ epoch: "e1", offset: 1 });
  say(connection, 10);
  (await connection.next()).fail(UNRECOVERABLE);
  await turnOfTheLoop();
  assert.deepEqual(got, []);
  assert.equal(told.broken, 1);
});

test("another epoch breaks the stream, and a new position continues it", () => {
  const { connection, stream, got, told } = open();
  connection.begin("room:1", 1);
  stream.setPosition({ epoch: "e1", offset: 1 });
  connection.begin("room:1", 1, "e2");
  assert.equal(told.broken, 1);
  say(connection, 2, 3);
  stream.setPosition({ epoch: "e2", offset: 2 });
  assert.deepEqual(got, ["p3"]);
});

test("publications of an earlier epoch do not wait for a list of a later one", () => {
  const { connection, stream, got } = open();
  connection.begin("room:1", 0);
  say(connection, 1, 2);
  connection.begin("room:1", 1, "e2");
  stream.setPosition({ epoch: "e2", offset: 1 });
  assert.deepEqual(got, []);
  connection.publish("room:1", 2, "of e2");
  assert.deepEqual(got, ["of e2"]);
});

test("a gap that the history lacks breaks the stream and is asked for once", async () => {
  const { connection, stream, told } = open();
  connection.begin("room:1", 1);
  stream.setPosition({ epoch: "e1", offset: 1 });
  say(connection, 3);
  (await connection.next()).answer(history(2, 1, 1));
  await turnOfTheLoop();
  assert.equal(told.broken, 1);
  assert.equal(connection.asked.length, 0);
});

test("a position that is set while a gap is fetched replaces the gap", async () => {
  const { connection, stream, got } = open();
  connection.begin("room:1", 1);
  stream.setPosition({ epoch: "e1", offset: 1 });
  say(connection, 4);
  const { answer } = await connection.next();
  stream.setPosition({ epoch: "e1", offset: 4 });
  answer(history(2, 3, 4));
  await turnOfTheLoop();
  say(connection, 5);
  assert.deepEqual(got, ["p5"]);
});

test("a list from before the first publication starts with the first publication", () => {
  const { connection, stream, got, told } = open();
  stream.setPosition({ epoch: "", offset: 0 });
  connection.begin("room:1", 0);
  say(connection, 1);
  assert.deepEqual(got, ["p1"]);
  assert.equal(told.broken, 0);
});

test("a question with a temporary error is asked again", async () => {
  const { connection, stream, got } = open();
  connection.begin("room:1", 2);
  stream.setPosition({ epoch: "e1", offset: 1 });
  (await connection.next()).fail(1, true);
  (await connection.next()).answer(history(2, 2));
  await turnOfTheLoop();
  assert.deepEqual(got, ["p2"]);
});

test("publications without an offset pass through, and a closed stream is silent", () => {
  const { connection, stream, got } = open();
  connection.publish("room:1", 0, "typing");
  stream.close();
  connection.publish("room:1", 0, "after");
  assert.deepEqual(got, ["typing"]);
});
