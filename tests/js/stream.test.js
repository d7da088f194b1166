import assert from "node:assert/strict";
import { test } from "node:test";

import { UNRECOVERABLE } from "../../static/js/hub/line.js";
import { Stream } from "../../static/js/hub/stream.js";
import { history, ScriptedLine, turnOfTheLoop } from "./scripted-line.js";

function open() {
  const line = new ScriptedLine();
  const got = [];
  const told = { broken: 0, caughtUp: 0 };
  const stream = new Stream(line, "room:1", {
    publication: (data) => got.push(data),
    broken: () => {
      told.broken += 1;
    },
    caughtUp: () => {
      told.caughtUp += 1;
    },
  });
  return { line, stream, got, told };
}

const say = (line, ...offsets) => {
  for (const offset of offsets) line.publish("room:1", offset, `p${offset}`);
};

test("what comes before the list is known waits, and what the list has is dropped", () => {
  const { line, stream, got } = open();
  line.begin("room:1", 3);
  say(line, 4, 5, 6);
  assert.deepEqual(got, []);
  stream.since({ epoch: "e1", offset: 5 });
  assert.deepEqual(got, ["p6"]);
});

test("a repeated publication is delivered once", () => {
  const { line, stream, got } = open();
  line.begin("room:1", 1);
  stream.since({ epoch: "e1", offset: 1 });
  say(line, 2, 2, 1, 3, 2, 3);
  assert.deepEqual(got, ["p2", "p3"]);
});

test("a gap is read from the history before what comes after it", async () => {
  const { line, stream, got, told } = open();
  line.begin("room:1", 1);
  stream.since({ epoch: "e1", offset: 1 });
  say(line, 2, 5);
  assert.deepEqual(got, ["p2"]);
  const { question, answer } = await line.next();
  assert.deepEqual(question, { ask: "history", channel: "room:1", since: { epoch: "e1", offset: 2 } });
  say(line, 6);
  answer(history(3, 5, 6));
  await turnOfTheLoop();
  assert.deepEqual(got, ["p2", "p3", "p4", "p5", "p6"]);
  assert.deepEqual(told, { broken: 0, caughtUp: 1 });
});

test("a channel that begins ahead of the list is caught up with, page by page", async () => {
  const { line, stream, got } = open();
  stream.since({ epoch: "e1", offset: 0 });
  line.begin("room:1", 4);
  (await line.next()).answer(history(1, 2, 4));
  (await line.next()).answer(history(3, 4, 4));
  await turnOfTheLoop();
  assert.deepEqual(got, ["p1", "p2", "p3", "p4"]);
});

test("history that is not kept breaks the stream, and nothing of it is delivered", async () => {
  const { line, stream, got, told } = open();
  line.begin("room:1", 9);
  stream.since({ epoch: "e1", offset: 1 });
  say(line, 10);
  (await line.next()).fail(UNRECOVERABLE);
  await turnOfTheLoop();
  assert.deepEqual(got, []);
  assert.equal(told.broken, 1);
});

test("another epoch breaks the stream, and a new list goes on from there", () => {
  const { line, stream, got, told } = open();
  line.begin("room:1", 1);
  stream.since({ epoch: "e1", offset: 1 });
  line.begin("room:1", 1, "e2");
  assert.equal(told.broken, 1);
  say(line, 2, 3);
  stream.since({ epoch: "e2", offset: 2 });
  assert.deepEqual(got, ["p3"]);
});

test("a gap that the history does not have breaks the stream and is not asked for without end", async () => {
  const { line, stream, told } = open();
  line.begin("room:1", 1);
  stream.since({ epoch: "e1", offset: 1 });
  say(line, 3);
  (await line.next()).answer(history(2, 1, 1));
  await turnOfTheLoop();
  assert.equal(told.broken, 1);
  assert.equal(line.asked.length, 0);
});

test("a list that is loaded while a gap is read counts, not the gap", async () => {
  const { line, stream, got } = open();
  line.begin("room:1", 1);
  stream.since({ epoch: "e1", offset: 1 });
  say(line, 4);
  const { answer } = await line.next();
  stream.since({ epoch: "e1", offset: 4 });
  answer(history(2, 3, 4));
  await turnOfTheLoop();
  say(line, 5);
  assert.deepEqual(got, ["p5"]);
});

test("a list that was read before anything was published begins with the first publication", () => {
  const { line, stream, got, told } = open();
  stream.since({ epoch: "", offset: 0 });
  line.begin("room:1", 0);
  say(line, 1);
  assert.deepEqual(got, ["p1"]);
  assert.equal(told.broken, 0);
});

test("a question that failed for the moment is asked again", async () => {
  const { line, stream, got } = open();
  line.begin("room:1", 2);
  stream.since({ epoch: "e1", offset: 1 });
  (await line.next()).fail(1, true);
  (await line.next()).answer(history(2, 2));
  await turnOfTheLoop();
  assert.deepEqual(got, ["p2"]);
});

test("publications without an offset pass through, and a closed stream is silent", () => {
  const { line, stream, got } = open();
  line.publish("room:1", 0, "typing");
  stream.close();
  line.publish("room:1", 0, "after");
  assert.deepEqual(got, ["typing"]);
});
