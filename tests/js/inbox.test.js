import assert from "node:assert/strict";
import { test } from "node:test";

import { CREATED, Inbox } from "../../static/js/hub/inbox.js";
import { ScriptedLine, turnOfTheLoop } from "./scripted-line.js";

const alert = (id, read = false) => ({ type: CREATED, id, message: `alert ${id}`, title: "", level: "info", read });
const position = (offset) => ({ epoch: "e1", offset });

async function open(items = [], { unread = 0, positions = { "user:1": position(0), everyone: position(0) } } = {}) {
  const line = new ScriptedLine();
  const inbox = new Inbox(line, true);
  inbox.start();
  (await line.next()).answer({ items, unread, more: false, positions });
  await turnOfTheLoop();
  return { line, inbox };
}

const ids = (inbox) => inbox.items.map((item) => item.id);

test("alerts of all channels stand together, the newest first, each once", async () => {
  const { line, inbox } = await open([alert(5)], { unread: 1 });
  line.publish("user:1", 1, alert(8));
  line.publish("everyone", 1, alert(7));
  line.publish("everyone", 2, alert(5));
  assert.deepEqual(ids(inbox), [8, 7, 5]);
  assert.equal(inbox.unread, 3);
});

test("an alert that is taken back leaves the list, and the unread ones are counted again", async () => {
  const { line, inbox } = await open([alert(3), alert(2), alert(1)], { unread: 3 });
  line.publish("everyone", 1, { type: "notifications.alerts_withdrawn", ids: [2, 9] });
  assert.deepEqual(ids(inbox), [3, 1]);
  (await line.next()).answer({ unread: 2 });
  await turnOfTheLoop();
  assert.equal(inbox.unread, 2);
});

test("what is marked is read at once, and the server's count holds", async () => {
  const { line, inbox } = await open([alert(2), alert(1)], { unread: 7 });
  const marking = inbox.markRead([2]);
  assert.equal(inbox.items[0].read, true);
  assert.equal(inbox.unread, 6);
  const { question, answer } = await line.next();
  assert.deepEqual(question.data, { ids: [2] });
  answer({ unread: 5 });
  await marking;
  assert.equal(inbox.unread, 5);
});

test("marking that is refused is taken back, and what came meanwhile is counted", async () => {
  const { line, inbox } = await open([alert(2), alert(1)], { unread: 2 });
  const failures = [];
  inbox.on("failed", (error) => failures.push(error.code));
  const marking = inbox.markAllRead();
  assert.equal(inbox.unread, 0);
  line.publish("user:1", 1, alert(3));
  (await line.next()).fail(401);
  await marking;
  assert.deepEqual(
    inbox.items.map((item) => item.read),
    [false, false, false],
  );
  assert.equal(inbox.unread, 3);
  assert.deepEqual(failures, [401]);
});

test("what another browser reads is read here", async () => {
  const { line, inbox } = await open([alert(3), alert(2), alert(1)], { unread: 3 });
  line.publish("user:1", 1, { type: "notifications.alerts_read", ids: [2], unread: 2 });
  assert.deepEqual(
    inbox.items.map((item) => item.read),
    [false, true, false],
  );
  line.publish("user:1", 2, { type: "notifications.alerts_read", upto: 3, unread: 0 });
  assert.equal(inbox.unread, 0);
  assert.ok(inbox.items.every((item) => item.read));
  // Counted by the order of another browser: so it is asked again, once.
  const { question, answer } = await line.next();
  assert.deepEqual(question.data, { limit: 1 });
  answer({ items: [], unread: 1, more: true, positions: {} });
  await turnOfTheLoop();
  assert.equal(inbox.unread, 1);
  assert.equal(line.asked.length, 0);
});

test("a group that is joined later has the list loaded again", async () => {
  const { line, inbox } = await open([alert(1)], { unread: 1 });
  line.begin("group:4", 12);
  const positions = { "user:1": position(0), everyone: position(0), "group:4": position(12) };
  (await line.next()).answer({ items: [alert(9), alert(1)], unread: 2, more: false, positions });
  await turnOfTheLoop();
  line.publish("group:4", 13, alert(10));
  assert.deepEqual(ids(inbox), [10, 9, 1]);
});

test("a topic that is followed brings its past, and takes it along when it is left", async () => {
  const { line, inbox } = await open([alert(1)], { unread: 1 });
  line.begin("topic:deploys", 2);
  const before = { "user:1": position(0), everyone: position(0) };
  const positions = { ...before, "topic:deploys": position(2) };
  (await line.next()).answer({ items: [alert(9, true), alert(1)], unread: 1, more: false, positions });
  await turnOfTheLoop();
  line.publish("topic:deploys", 3, alert(10));
  assert.deepEqual(ids(inbox), [10, 9, 1]);
  line.emit("ended", { kind: "ended", channel: "topic:deploys", code: 2000 });
  (await line.next()).answer({ items: [alert(1)], unread: 1, more: false, positions: before });
  await turnOfTheLoop();
  assert.deepEqual(ids(inbox), [1]);
  line.emit("ended", { kind: "ended", channel: "room:7", code: 2000 });
  await turnOfTheLoop();
  assert.equal(line.asked.length, 0);
});

const UNFOLLOWED = { type: "notifications.topic_unfollowed", name: "deploys" };
const own = { "user:1": position(0), everyone: position(0) };
const withTopic = { ...own, "topic:deploys": position(2) };
const leave = (line) => line.emit("ended", { kind: "ended", channel: "topic:deploys", code: 2000 });

test("a topic that was left while the page was away takes its past along", async () => {
  const { line, inbox } = await open([alert(9), alert(1)], { unread: 2, positions: withTopic });
  line.publish("user:1", 1, UNFOLLOWED);
  const { answer } = await line.next();
  leave(line); // where the end is told too, that is nothing new
  answer({ items: [alert(1)], unread: 1, more: false, positions: { ...own, "user:1": position(1) } });
  await turnOfTheLoop();
  assert.deepEqual(ids(inbox), [1]);
  line.publish("user:1", 2, UNFOLLOWED);
  await turnOfTheLoop();
  assert.equal(line.asked.length, 0);
});

test("what began or ended while the list was asked for has it asked for again, once", async () => {
  const line = new ScriptedLine();
  const inbox = new Inbox(line, true);
  inbox.start();
  const first = await line.next();
  line.begin("topic:deploys", 2);
  first.answer({ items: [alert(1)], unread: 1, more: false, positions: own });
  const second = await line.next();
  leave(line);
  second.answer({ items: [alert(9), alert(1)], unread: 2, more: false, positions: withTopic });
  const third = await line.next();
  third.answer({ items: [alert(1)], unread: 1, more: false, positions: own });
  await turnOfTheLoop();
  assert.deepEqual([inbox.state, ids(inbox)], ["ready", [1]]);
  assert.equal(line.asked.length, 0);
});

test("what begins with the connection, as the list says it, has it asked for no second time", async () => {
  const line = new ScriptedLine();
  const inbox = new Inbox(line, true);
  inbox.start();
  for (const channel of ["user:1", "everyone", "topic:deploys", "room:7"]) line.begin(channel, 0);
  (await line.next()).answer({ items: [], unread: 0, more: false, positions: withTopic });
  await turnOfTheLoop();
  assert.equal(inbox.state, "ready");
  assert.equal(line.asked.length, 0);
});

test("a topic that is watched without following it has the list asked for again once", async () => {
  const line = new ScriptedLine();
  const inbox = new Inbox(line, true);
  inbox.start();
  line.begin("topic:deploys", 2);
  for (let load = 0; load < 2; load++) {
    (await line.next()).answer({ items: [], unread: 0, more: false, positions: own });
    await turnOfTheLoop();
  }
  assert.equal(inbox.state, "ready");
  assert.equal(line.asked.length, 0);
});

test("a list that could not be loaded is loaded when the connection is back", async () => {
  const line = new ScriptedLine();
  const inbox = new Inbox(line, true);
  inbox.start();
  (await line.next()).fail(104);
  await turnOfTheLoop();
  assert.equal(inbox.state, "failed");
  line.become("reconnecting");
  line.become("connected");
  (await line.next()).answer({ items: [alert(1)], unread: 1, more: false, positions: {} });
  await turnOfTheLoop();
  assert.equal(inbox.state, "ready");
});

test("guests have nothing unread", async () => {
  const line = new ScriptedLine();
  const inbox = new Inbox(line, false);
  inbox.start();
  (await line.next()).answer({ items: [], unread: 0, more: false, positions: { everyone: position(0) } });
  await turnOfTheLoop();
  line.publish("everyone", 1, alert(1));
  assert.equal(inbox.unread, 0);
  assert.equal(inbox.items[0].read, true);
});
