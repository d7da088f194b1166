import assert from "node:assert/strict";
import { test } from "node:test";
import { AlertList } from "../../static/hub/js/hub/alert-list.js";
import { CREATED, RETURNED } from "../../static/hub/js/hub/alerts.js";
import { Inbox } from "../../static/hub/js/hub/inbox.js";
import { InboxView } from "../../static/hub/js/hub/inbox-view.js";
import { ScriptedConnection, turnOfTheLoop } from "./scripted-connection.js";

const alert = (id, read = false) => ({ type: CREATED, id, message: `alert ${id}`, title: "", level: "info", read });
const counts = (unread, archived = 0, snoozed = 0) => ({ unread, archived, snoozed });
const changed = (change, ids, now) => ({ type: "notifications.alerts_changed", change, ids, counts: now });
const ids = ({ items }) => items.map((item) => item.id);

async function open(items, unread = 0) {
  const connection = new ScriptedConnection();
  const inbox = new Inbox(connection, true);
  inbox.start();
  const positions = { "user:1": { epoch: "e1", offset: 0 } };
  (await connection.next()).answer({ items, unread, more: false, positions });
  await turnOfTheLoop();
  return { connection, inbox };
}

async function view(connection, inbox, state, items, now) {
  const found = new InboxView(inbox, { state });
  (await connection.next()).answer({ items, next: 0, counts: now });
  await turnOfTheLoop();
  return found;
}

test("an archived alert leaves the list at once, and comes back to its place when that is undone", async () => {
  const { connection, inbox } = await open([alert(3), alert(2), alert(1, true)], 2);
  const archiving = inbox.change("archive", [2]);
  assert.deepEqual([ids(inbox), inbox.unread], [[3, 1], 1]);
  const { question, answer } = await connection.next();
  assert.deepEqual(question.data, { change: "archive", ids: [2], until: undefined });
  answer({ ids: [2], counts: counts(1, 1), more: false });
  assert.deepEqual(await archiving, [2]);
  assert.equal(inbox.archived, 1);
  const undoing = inbox.change("unarchive", [2]);
  assert.deepEqual([ids(inbox), inbox.unread], [[3, 2, 1], 2]);
  (await connection.next()).answer({ ids: [2], counts: counts(2), more: false });
  assert.deepEqual(await undoing, [2]);
});

test("a change that is refused is told, and the list is loaded again", async () => {
  const { connection, inbox } = await open([alert(1)], 1);
  const failures = [];
  inbox.on("failed", (error) => failures.push(error.code));
  const archiving = inbox.change("archive", [1]);
  (await connection.next()).fail(401);
  assert.deepEqual(await archiving, []);
  (await connection.next()).answer({ items: [alert(1)], unread: 1, more: false, positions: {} });
  await turnOfTheLoop();
  assert.deepEqual([ids(inbox), failures], [[1], [401]]);
});

test("what another browser does is done here, with its counts", async () => {
  const { connection, inbox } = await open([alert(3), alert(2), alert(1, true)], 2);
  connection.publish("user:1", 1, changed("snoozed", [3], counts(1, 0, 1)));
  connection.publish("user:1", 2, changed("unread", [1], counts(2, 0, 1)));
  assert.deepEqual(ids(inbox), [2, 1]);
  assert.deepEqual([inbox.unread, inbox.snoozed, inbox.items[1].read], [2, 1, false]);
});

test("a snoozed alert that is back stands at its place, is unread, and is announced", async () => {
  const { connection, inbox } = await open([alert(5, true), alert(3, true)]);
  const announced = [];
  inbox.on("alert", (item) => announced.push(item.id));
  connection.publish("user:1", 1, { ...alert(4), type: RETURNED, counts: counts(1) });
  assert.deepEqual([ids(inbox), inbox.unread, announced], [[5, 4, 3], 1, [4]]);
  assert.equal(inbox.items[1].read, false);
});

test("all that is read is archived a thousand at a time", async () => {
  const { connection, inbox } = await open([alert(3), alert(2, true), alert(1, true)], 1);
  const archiving = inbox.changeAll("archive_read");
  assert.deepEqual(ids(inbox), [3]);
  (await connection.next()).answer({ ids: [2], counts: counts(1, 1), more: true });
  const { question, answer } = await connection.next();
  assert.deepEqual(question.data, { change: "archive_read", upto: 3 });
  answer({ ids: [1], counts: counts(1, 2), more: false });
  assert.deepEqual(await archiving, [2, 1]);
});

test("a tab follows what is done elsewhere", async () => {
  const { connection, inbox } = await open([alert(3)], 1);
  const archive = await view(connection, inbox, "archived", [alert(2, true), alert(1, true)], counts(1, 2));
  assert.equal(inbox.archived, 2);
  connection.publish("user:1", 1, changed("unarchived", [2], counts(1, 1)));
  assert.deepEqual(ids(archive), [1]);
});

test("what is read stays in the list of unread ones until it is opened again", async () => {
  const { connection, inbox } = await open([alert(3), alert(2)], 2);
  const unread = await view(connection, inbox, "unread", [alert(3), alert(2)], counts(2));
  connection.publish("user:1", 1, { type: "notifications.alerts_read", ids: [2], unread: 1 });
  assert.deepEqual(
    unread.items.map((item) => [item.id, item.read]),
    [
      [3, false],
      [2, true],
    ],
  );
});

test("a search goes on while it finds nothing, a few times", async () => {
  const { connection, inbox } = await open([]);
  const search = new InboxView(inbox, { state: "all", text: "needle" });
  (await connection.next()).answer({ items: [], next: 900, counts: counts(0) });
  const { question, answer } = await connection.next();
  assert.deepEqual(question.data, { state: "all", text: "needle", limit: 20, before: 900 });
  answer({ items: [alert(7, true)], next: 0, counts: counts(0) });
  await turnOfTheLoop();
  assert.deepEqual([ids(search), search.more, search.state], [[7], false, "ready"]);
});

test("many that come back together are told by their ids, and are unread", async () => {
  const { connection, inbox } = await open([alert(3), alert(2, true)], 1);
  const snoozing = inbox.change("snooze", [2, 3], "2999-01-01T00:00:00Z");
  (await connection.next()).answer({ ids: [3, 2], counts: counts(0, 0, 2), more: false });
  await snoozing;
  connection.publish("user:1", 1, changed("unsnoozed", [2, 3], counts(2)));
  connection.publish("user:1", 2, changed("unread", [2, 3], counts(2)));
  assert.deepEqual([ids(inbox), inbox.items.map(({ read }) => read), inbox.unread], [[3, 2], [false, false], 2]);
});

const numbers = (count) => Array.from({ length: count }, (_, place) => count - place);

test("more than a thousand are changed in pieces, and what was changed before a refusal is known", async () => {
  const { connection, inbox } = await open([]);
  const failures = [];
  inbox.on("failed", (error) => failures.push(error.code));
  const many = numbers(2500);
  const undoing = inbox.change("unarchive", many);
  for (const piece of [many.slice(0, 1000), many.slice(1000, 2000)]) {
    const { question, answer } = await connection.next();
    assert.deepEqual(question.data, { change: "unarchive", ids: piece, until: undefined });
    answer({ ids: piece, counts: counts(0), more: false });
  }
  const { question, fail } = await connection.next();
  assert.deepEqual(question.data.ids, many.slice(2000));
  fail(400);
  assert.deepEqual([await undoing, failures], [many.slice(0, 2000), [400]]);
});

test("changing all ends where nothing is changed any more", async () => {
  const { connection, inbox } = await open([alert(2), alert(1, true)], 1);
  const archiving = inbox.changeAll("archive_read");
  (await connection.next()).answer({ ids: [1], counts: counts(1, 1), more: true });
  (await connection.next()).answer({ ids: [], counts: counts(1, 1), more: true });
  assert.deepEqual(await archiving, [1]);
});

test("of more that were marked as read than the server names none can be undone", async () => {
  const { connection, inbox } = await open([alert(1000)], 100);
  for (const [named, known] of [
    [numbers(999), numbers(999)],
    [numbers(1000), []],
  ]) {
    const marking = inbox.changeAll("read");
    (await connection.next()).answer({ ids: named, counts: counts(0), more: false });
    assert.deepEqual(await marking, known);
  }
});

test("what has left the list comes back as it was, the last five hundred without a question", () => {
  const list = new AlertList(() => {});
  const all = Array.from({ length: 600 }, (_, number) => number + 1);
  for (const id of all) {
    list.load({ items: [{ id }], more: false });
    list.organize("archive", [id]);
  }
  assert.equal(list.organize("unarchive", [101, 600]), true);
  assert.deepEqual(ids(list), [600, 101]);
  assert.equal(list.organize("unarchive", [100]), false);
});
