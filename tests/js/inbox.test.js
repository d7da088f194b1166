import assert from "node:assert/strict";
import { test } from "node:test";
import { CREATED } from "../../static/hub/js/hub/alerts.js";
import { configure } from "../../static/hub/js/hub/config.js";
import { Inbox } from "../../static/hub/js/hub/inbox.js";
import { learnTime } from "../../static/hub/js/hub/server-clock.js";
import { ScriptedConnection, turnOfTheLoop } from "./scripted-connection.js";

const alert = (id, read = false) => ({ type: CREATED, id, message: `alert ${id}`, title: "", level: "info", read });
const position = (offset) => ({ epoch: "e1", offset });

async function open(
  items = [],
  { unread = 0, more = false, positions = { "user:1": position(0), everyone: position(0) }, now = undefined } = {},
) {
  const connection = new ScriptedConnection();
  const inbox = new Inbox(connection, true);
  inbox.start();
  (await connection.next()).answer({ items, unread, more, positions, now });
  await turnOfTheLoop();
  return { connection, inbox };
}

const ids = (inbox) => inbox.items.map((item) => item.id);

test("alerts of all channels are one list, newest first, each once", async () => {
  const { connection, inbox } = await open([alert(5)], { unread: 1 });
  connection.publish("user:1", 1, alert(8));
  connection.publish("everyone", 1, alert(7));
  connection.publish("everyone", 2, alert(5));
  assert.deepEqual(ids(inbox), [8, 7, 5]);
  assert.equal(inbox.unread, 3);
});

test("an alert that comes late stands at its place, and counts where it is older than the list", async () => {
  const { connection, inbox } = await open([alert(9), alert(5)], { unread: 2, more: true });
  connection.publish("user:1", 1, alert(7));
  assert.deepEqual(ids(inbox), [9, 7, 5]);
  assert.equal(inbox.unread, 3);
  connection.publish("user:1", 2, alert(3));
  (await connection.next()).answer({ unread: 4 });
  await turnOfTheLoop();
  assert.deepEqual(ids(inbox), [9, 7, 5]);
  assert.equal(inbox.unread, 4);
});

test("an alert with texts in several languages has that of the page", async (t) => {
  t.after(() => configure({}));
  for (const [language, message] of [
    ["ru", "русский"],
    ["de-AT", "deutsch"],
    ["fr", "alert 7"],
  ]) {
    configure({ language });
    const { connection, inbox } = await open();
    const texts = { ru: { message: "русский", title: "t" }, de: { message: "deutsch", title: "t" } };
    connection.publish("everyone", 1, { ...alert(7), texts });
    assert.equal(inbox.items[0].message, message);
    assert.equal("texts" in inbox.items[0], false);
  }
});

test("a withdrawn alert leaves the list, and unread alerts are counted again", async () => {
  const { connection, inbox } = await open([alert(3), alert(2), alert(1)], { unread: 3 });
  connection.publish("everyone", 1, { type: "notifications.alerts_withdrawn", ids: [2, 9] });
  assert.deepEqual(ids(inbox), [3, 1]);
  (await connection.next()).answer({ unread: 2 });
  await turnOfTheLoop();
  assert.equal(inbox.unread, 2);
});

test("a row that others join counts as one at every moment, and is told of when it stands for fewer", async () => {
  const { connection, inbox } = await open([alert(2), alert(1)], { unread: 2 });
  const bundle = { id: 2, count: 2 };
  connection.publish("everyone", 1, { type: "notifications.alerts_withdrawn", ids: [2] });
  assert.equal(inbox.unread, 1);
  connection.publish("everyone", 2, { ...alert(3), bundle });
  assert.deepEqual([ids(inbox), inbox.unread, inbox.items[0].bundle], [[3, 1], 2, bundle]);
  let reloads = 0;
  inbox.on("reloaded", () => reloads++);
  connection.publish("everyone", 3, { ...alert(3), message: "alone", silent: true });
  assert.deepEqual([ids(inbox), inbox.unread, inbox.items[0].message], [[3, 1], 2, "alone"]);
  assert.deepEqual([inbox.items[0].bundle, reloads], [undefined, 1]);
});

test("an alert leaves the list when it expires, and does not come when it has", async (t) => {
  const now = Date.now();
  const at = (seconds) => new Date(now + seconds * 1000).toISOString();
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now });
  const { connection, inbox } = await open([alert(3), { ...alert(2), expires_at: at(60) }, alert(1)], { unread: 3 });
  connection.publish("everyone", 1, { ...alert(4), expires_at: at(30) });
  connection.publish("everyone", 2, { ...alert(5), expires_at: at(-1) });
  assert.deepEqual(ids(inbox), [4, 3, 2, 1]);
  connection.publish("everyone", 3, { ...alert(4), expires_at: at(45), silent: true });
  t.mock.timers.tick(30_000);
  assert.deepEqual(ids(inbox), [4, 3, 2, 1]);
  t.mock.timers.tick(15_000);
  assert.deepEqual(ids(inbox), [3, 2, 1]);
  t.mock.timers.tick(15_000);
  assert.deepEqual(ids(inbox), [3, 1]);
});

test("what is chosen here or elsewhere is shown, and the first choice stays", async () => {
  const actions = [{ name: "yes", label: "Yes" }];
  const { connection, inbox } = await open([{ ...alert(2), actions }, alert(1, true)], { unread: 1 });
  const choosing = inbox.choose(2, "yes");
  const { question, answer } = await connection.next();
  assert.deepEqual([question.method, question.data], ["alerts.choose", { id: 2, action: "yes" }]);
  answer({ action: "no", at: "2026-11-30T12:00:00Z" });
  await turnOfTheLoop();
  (await connection.next()).answer({ unread: 0 });
  await choosing;
  assert.deepEqual([inbox.items[0].chosen, inbox.items[0].read], ["no", true]);
  connection.publish("user:1", 1, { type: "notifications.action_chosen", id: 1, action: "yes", at: "" });
  assert.equal(inbox.items[1].chosen, "yes");
});

test("marked alerts are read at once, and the server's count replaces the local one", async () => {
  const { connection, inbox } = await open([alert(2), alert(1)], { unread: 7 });
  const marking = inbox.markRead([2]);
  assert.equal(inbox.items[0].read, true);
  assert.equal(inbox.unread, 6);
  const { question, answer } = await connection.next();
  assert.deepEqual(question.data, { ids: [2] });
  answer({ unread: 5 });
  await marking;
  assert.equal(inbox.unread, 5);
});

test("a refused marking is undone, and alerts that arrived meanwhile are counted", async () => {
  const { connection, inbox } = await open([alert(2), alert(1)], { unread: 2 });
  const failures = [];
  inbox.on("failed", (error) => failures.push(error.code));
  const marking = inbox.markAllRead();
  assert.equal(inbox.unread, 0);
  connection.publish("user:1", 1, alert(3));
  (await connection.next()).fail(401);
  await marking;
  assert.deepEqual(
    inbox.items.map((item) => item.read),
    [false, false, false],
  );
  assert.equal(inbox.unread, 3);
  assert.deepEqual(failures, [401]);
});

test("alerts that another browser marks are read here", async () => {
  const { connection, inbox } = await open([alert(3), alert(2), alert(1)], { unread: 3 });
  connection.publish("user:1", 1, { type: "notifications.alerts_read", ids: [2], unread: 2 });
  assert.deepEqual(
    inbox.items.map((item) => item.read),
    [false, true, false],
  );
  connection.publish("user:1", 2, { type: "notifications.alerts_read", upto: 3, unread: 0 });
  assert.equal(inbox.unread, 0);
  assert.ok(inbox.items.every((item) => item.read));
});

test("counts of a change are enough where no alert may have crossed them, and else are asked for once", async (t) => {
  const { connection, inbox } = await open([alert(2), alert(1)], { unread: 2 });
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const counts = { unread: 1, archived: 1, snoozed: 0 };
  connection.publish("user:1", 1, { type: "notifications.alerts_changed", ids: [1], change: "archived", counts });
  connection.publish("user:1", 2, { type: "notifications.alerts_read", ids: [2], unread: 0 });
  t.mock.timers.tick(60_000);
  assert.deepEqual(
    [inbox.unread, inbox.archived, connection.asked.map(({ question }) => question.method)],
    [0, 1, []],
  );
  connection.publish("everyone", 1, alert(3));
  t.mock.timers.tick(60_000);
  t.mock.timers.reset();
  const { question, answer } = await connection.next();
  assert.equal(question.method, "inbox.counts");
  answer({ unread: 1, archived: 1, snoozed: 0, categories: { orders: 1 } });
  await turnOfTheLoop();
  assert.deepEqual(
    [inbox.unread, inbox.byCategory, connection.asked.map((one) => one.question)],
    [1, { orders: 1 }, []],
  );
});

test("unread alerts are counted by category, here at once and elsewhere by the server's counts", async () => {
  const of = (id) => ({ ...alert(id), category: "orders" });
  const { connection, inbox } = await open([], {});
  inbox.count();
  (await connection.next()).answer({ unread: 2, archived: 0, snoozed: 0, categories: { orders: 2 } });
  await turnOfTheLoop();
  connection.publish("user:1", 1, of(7));
  assert.deepEqual(inbox.byCategory, { orders: 3 });
  inbox.markRead([7]);
  assert.deepEqual(inbox.byCategory, { orders: 2 });
  const counts = { unread: 1, archived: 1, snoozed: 0, categories: { orders: 1 } };
  connection.publish("user:1", 2, { type: "notifications.alerts_changed", ids: [7], change: "archived", counts });
  assert.deepEqual(inbox.byCategory, { orders: 1 });
});

test("what expires goes by the clock of the server, and a date that is none hides nothing", async (t) => {
  t.after(() => learnTime(new Date().toISOString()));
  const hour = 3_600_000;
  const at = (milliseconds) => new Date(Date.now() + milliseconds).toISOString();
  const { connection, inbox } = await open([{ ...alert(1), expires_at: "soon" }], { unread: 1, now: at(-hour) });
  t.mock.timers.enable({ apis: ["setTimeout"] });
  connection.publish("everyone", 1, { ...alert(2), expires_at: at(-hour / 2) });
  connection.publish("everyone", 2, { ...alert(3), expires_at: at(-hour - 10_000) });
  assert.deepEqual(ids(inbox), [2, 1]);
});

test("a snooze that is over before there was a connection says so", async () => {
  const { connection, inbox } = await open([alert(1)], { unread: 1 });
  const told = [];
  inbox.on("failed", (_error, name) => told.push(name));
  const changing = inbox.change("snooze", [1], new Date(Date.now() - 1).toISOString());
  (await connection.next()).fail(400);
  await changing;
  assert.deepEqual(told, ["snooze_over"]);
});

test("joining a group loads the list again", async () => {
  const { connection, inbox } = await open([alert(1)], { unread: 1 });
  connection.begin("group:4", 12);
  const positions = { "user:1": position(0), everyone: position(0), "group:4": position(12) };
  (await connection.next()).answer({ items: [alert(9), alert(1)], unread: 2, more: false, positions });
  await turnOfTheLoop();
  connection.publish("group:4", 13, alert(10));
  assert.deepEqual(ids(inbox), [10, 9, 1]);
});

test("following a topic adds its earlier alerts, and unfollowing removes them", async () => {
  const { connection, inbox } = await open([alert(1)], { unread: 1 });
  connection.begin("topic:deploys", 2);
  const before = { "user:1": position(0), everyone: position(0) };
  const positions = { ...before, "topic:deploys": position(2) };
  (await connection.next()).answer({ items: [alert(9, true), alert(1)], unread: 1, more: false, positions });
  await turnOfTheLoop();
  connection.publish("topic:deploys", 3, alert(10));
  assert.deepEqual(ids(inbox), [10, 9, 1]);
  connection.emit("unsubscribed", { kind: "unsubscribed", channel: "topic:deploys", code: 2000 });
  (await connection.next()).answer({ items: [alert(1)], unread: 1, more: false, positions: before });
  await turnOfTheLoop();
  assert.deepEqual(ids(inbox), [1]);
  connection.emit("unsubscribed", { kind: "unsubscribed", channel: "room:7", code: 2000 });
  await turnOfTheLoop();
  assert.equal(connection.asked.length, 0);
});

const UNFOLLOWED = { type: "notifications.topic_unfollowed", name: "deploys" };
const own = { "user:1": position(0), everyone: position(0) };
const withTopic = { ...own, "topic:deploys": position(2) };
const leave = (connection) =>
  connection.emit("unsubscribed", { kind: "unsubscribed", channel: "topic:deploys", code: 2000 });

test("a topic that was unfollowed while the page was offline loses its alerts", async () => {
  const { connection, inbox } = await open([alert(9), alert(1)], { unread: 2, positions: withTopic });
  connection.publish("user:1", 1, UNFOLLOWED);
  const { answer } = await connection.next();
  leave(connection); // the inbox knows already
  answer({ items: [alert(1)], unread: 1, more: false, positions: { ...own, "user:1": position(1) } });
  await turnOfTheLoop();
  assert.deepEqual(ids(inbox), [1]);
  connection.publish("user:1", 2, UNFOLLOWED);
  await turnOfTheLoop();
  assert.equal(connection.asked.length, 0);
});

test("a subscription change during a load causes one more load", async () => {
  const connection = new ScriptedConnection();
  const inbox = new Inbox(connection, true);
  inbox.start();
  const first = await connection.next();
  connection.begin("topic:deploys", 2);
  first.answer({ items: [alert(1)], unread: 1, more: false, positions: own });
  const second = await connection.next();
  leave(connection);
  second.answer({ items: [alert(9), alert(1)], unread: 2, more: false, positions: withTopic });
  const third = await connection.next();
  third.answer({ items: [alert(1)], unread: 1, more: false, positions: own });
  await turnOfTheLoop();
  assert.deepEqual([inbox.state, ids(inbox)], ["ready", [1]]);
  assert.equal(connection.asked.length, 0);
});

test("initial subscriptions that match the list cause no second load", async () => {
  const connection = new ScriptedConnection();
  const inbox = new Inbox(connection, true);
  inbox.start();
  for (const channel of ["user:1", "everyone", "topic:deploys", "room:7"]) connection.begin(channel, 0);
  (await connection.next()).answer({ items: [], unread: 0, more: false, positions: withTopic });
  await turnOfTheLoop();
  assert.equal(inbox.state, "ready");
  assert.equal(connection.asked.length, 0);
});

test("a subscription to a topic that the person does not follow causes one more load", async () => {
  const connection = new ScriptedConnection();
  const inbox = new Inbox(connection, true);
  inbox.start();
  connection.begin("topic:deploys", 2);
  for (let load = 0; load < 2; load++) {
    (await connection.next()).answer({ items: [], unread: 0, more: false, positions: own });
    await turnOfTheLoop();
  }
  assert.equal(inbox.state, "ready");
  assert.equal(connection.asked.length, 0);
});

test("a list that failed to load is loaded after the next reconnect", async () => {
  const connection = new ScriptedConnection();
  const inbox = new Inbox(connection, true);
  inbox.start();
  (await connection.next()).fail(104);
  await turnOfTheLoop();
  assert.equal(inbox.state, "failed");
  connection.become("reconnecting");
  connection.become("connected");
  (await connection.next()).answer({ items: [alert(1)], unread: 1, more: false, positions: {} });
  await turnOfTheLoop();
  assert.equal(inbox.state, "ready");
});

test("guests have no unread alerts", async () => {
  const connection = new ScriptedConnection();
  const inbox = new Inbox(connection, false);
  inbox.start();
  (await connection.next()).answer({ items: [], unread: 0, more: false, positions: { everyone: position(0) } });
  await turnOfTheLoop();
  connection.publish("everyone", 1, alert(1));
  assert.equal(inbox.unread, 0);
  assert.equal(inbox.items[0].read, true);
});
