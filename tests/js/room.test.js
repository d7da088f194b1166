import assert from "node:assert/strict";
import { test } from "node:test";

import { Room } from "../../static/hub/js/hub/room.js";
import { ScriptedConnection, turnOfTheLoop } from "./scripted-connection.js";

const ADA = { id: "1", name: "ada" };
const at = "2026-01-01T10:00:00Z";
const IDS = { ada: "1", grace: "2", linus: "3", mallory: "4" };
const called = (username, id = IDS[username]) => ({ username, user_id: id });
const message = (id, text, username = "grace", key = "") => ({
  type: "chat.message_posted",
  id,
  text,
  ...called(username),
  at,
  key,
});

async function enter(items = []) {
  const connection = new ScriptedConnection();
  const room = new Room(connection, "lounge", ADA);
  room.start();
  (await connection.next()).answer({ id: 7, name: "lounge", channel: "room:7", may_write: true });
  (await connection.next()).answer({ items, more: false, position: { epoch: "e1", offset: items.length } });
  await turnOfTheLoop();
  return { connection, room };
}

const texts = (room) => [...room.entries, ...room.outgoing].map((entry) => entry.text);

const names = (people) => people.map(({ name }) => name);

test("a sent message shows at once, and once after the server has stored it", async () => {
  const { connection, room } = await enter();
  room.send("hello");
  assert.deepEqual(texts(room), ["hello"]);
  const { question, answer } = await connection.next();
  connection.publish("room:7", 1, message(5, "hello", "ada", question.data.key));
  assert.equal(room.outgoing.length, 0);
  answer({ id: 5, at });
  await turnOfTheLoop();
  assert.deepEqual(texts(room), ["hello"]);
});

test("messages that are gone for good leave the conversation", async () => {
  const { connection, room } = await enter([message(5, "of somebody who was erased"), message(6, "of another")]);
  connection.publish("room:7", 3, { type: "chat.messages_removed", ids: [5] });
  assert.deepEqual(texts(room), ["of another"]);
});

test("a message shows once if the answer comes before the publication", async () => {
  const { connection, room } = await enter();
  room.send("hello");
  const { question, answer } = await connection.next();
  answer({ id: 5, at });
  await turnOfTheLoop();
  connection.publish("room:7", 1, message(5, "hello", "ada", question.data.key));
  assert.deepEqual(texts(room), ["hello"]);
});

test("a message whose answer was lost is sent again with the same key", async () => {
  const { connection, room } = await enter();
  room.send("hello");
  const first = await connection.next();
  connection.become("reconnecting");
  first.fail(11, true);
  await turnOfTheLoop();
  assert.equal(connection.asked.length, 0);
  connection.become("connected");
  const second = await connection.next();
  assert.equal(second.question.data.key, first.question.data.key);
  second.answer({ id: 5, at });
  await turnOfTheLoop();
  assert.deepEqual(texts(room), ["hello"]);
});

test("messages are sent one by one, and messages of others keep their places", async () => {
  const { connection, room } = await enter();
  room.send("one");
  room.send("two");
  const first = await connection.next();
  assert.equal(first.question.data.text, "one");
  assert.equal(connection.asked.length, 0);
  connection.publish("room:7", 1, message(4, "before both"));
  connection.publish("room:7", 3, message(6, "after one"));
  first.answer({ id: 5, at });
  const gap = await connection.next();
  const second = await connection.next();
  assert.equal(gap.question.ask, "history");
  gap.answer({ publications: [{ offset: 2, data: message(5, "one", "ada") }], epoch: "e1", offset: 3 });
  second.answer({ id: 7, at });
  await turnOfTheLoop();
  assert.deepEqual(texts(room), ["before both", "one", "after one", "two"]);
});

test("a message that is written while disconnected waits for the connection", async () => {
  const { connection, room } = await enter();
  connection.become("reconnecting");
  room.send("later");
  await turnOfTheLoop();
  assert.equal(connection.asked.length, 0);
  assert.deepEqual(texts(room), ["later"]);
  connection.become("connected");
  assert.equal((await connection.next()).question.data.text, "later");
});

test("a late message is placed before newer ones", async () => {
  const { connection, room } = await enter();
  room.send("mine");
  (await connection.next()).answer({ id: 5, at });
  await turnOfTheLoop();
  connection.publish("room:7", 1, message(4, "earlier"));
  connection.publish("room:7", 2, message(5, "mine", "ada"));
  connection.publish("room:7", 3, message(6, "later"));
  assert.deepEqual(texts(room), ["earlier", "mine", "later"]);
});

test("a refused message stays with its author and does not delay others", async () => {
  const { connection, room } = await enter();
  room.send("too long");
  room.send("fine");
  (await connection.next()).fail(400);
  (await connection.next()).answer({ id: 5, at });
  await turnOfTheLoop();
  assert.deepEqual(
    room.outgoing.map(({ kind, error }) => [kind, error]),
    [["failed", "said the server"]],
  );
  assert.equal(room.discard(room.outgoing[0].key), "too long");
  assert.deepEqual(texts(room), ["fine"]);
});

test("another person's message does not replace an unsent one", async () => {
  const { connection, room } = await enter();
  room.send("mine");
  const { question } = await connection.next();
  connection.publish("room:7", 1, message(5, "not mine", "mallory", question.data.key));
  assert.deepEqual(texts(room), ["not mine", "mine"]);
});

test("a person is shown as typing until they send a message or stop", async (context) => {
  const { connection, room } = await enter();
  context.mock.timers.enable({ apis: ["setTimeout"] });
  connection.publish("room:7", 0, { type: "chat.person_typing", ...called("grace") });
  connection.publish("room:7", 0, { type: "chat.person_typing", ...called("linus") });
  connection.publish("room:7", 0, { type: "chat.person_typing", ...called("ada") });
  assert.deepEqual(names(room.typing), ["grace", "linus"]);
  connection.publish("room:7", 1, message(5, "done"));
  assert.deepEqual(names(room.typing), ["linus"]);
  context.mock.timers.tick(5_001);
  assert.deepEqual(room.typing, []);
});

test("joins and leaves of others are shown and counted", async () => {
  const { connection, room } = await enter();
  connection.begin("room:7", 0);
  (await connection.next()).answer({ people: [called("ada"), called("grace")], count: 2 });
  await turnOfTheLoop();
  connection.publish("room:7", 0, { type: "chat.person_joined", ...called("ada"), at });
  connection.publish("room:7", 0, { type: "chat.person_joined", ...called("linus"), at });
  connection.publish("room:7", 0, { type: "chat.person_left", ...called("grace"), at });
  assert.deepEqual(names(room.people), ["ada", "linus"]);
  assert.equal(room.count, 2);
  assert.deepEqual(
    room.entries.map(({ kind, username }) => [kind, username]),
    [
      ["joined", "linus"],
      ["left", "grace"],
    ],
  );
});

test("a missing room says so, and a closed room has no subscriptions", async () => {
  const connection = new ScriptedConnection();
  const room = new Room(connection, "nowhere", ADA);
  room.start();
  (await connection.next()).fail(404);
  await turnOfTheLoop();
  assert.equal(room.state, "missing");
  const { connection: other, room: lounge } = await enter();
  assert.deepEqual([...other.subscribed], ["room:7"]);
  lounge.close();
  assert.deepEqual([...other.subscribed], []);
});

test("a room is left when its last user closes it", async () => {
  const { connection, room } = await enter();
  let ends = 0;
  room.on("closed", () => ends++);
  room.start();
  room.close();
  assert.deepEqual([room.closed, ends], [false, 0]);
  connection.publish("room:7", 1, message(5, "still here"));
  assert.deepEqual(texts(room), ["still here"]);
  room.close();
  room.close();
  assert.deepEqual([room.closed, ends], [true, 1]);
  assert.equal(connection.subscribed.size, 0);
  connection.publish("room:7", 2, message(6, "gone"));
  assert.deepEqual(texts(room), ["still here"]);
});

test("somebody else of the same name is another person", async () => {
  const { connection, room } = await enter();
  const other = called("ada", "9");
  connection.begin("room:7", 0);
  (await connection.next()).answer({ people: [called("ada")], count: 1 });
  await turnOfTheLoop();
  room.send("mine");
  const { question } = await connection.next();
  connection.publish("room:7", 0, { type: "chat.person_joined", ...other, at });
  connection.publish("room:7", 0, { type: "chat.person_typing", ...other });
  assert.deepEqual([room.people.length, room.count], [2, 2]);
  assert.deepEqual(room.typing, [{ id: "9", name: "ada" }]);
  connection.publish("room:7", 1, { ...message(5, "not mine", "ada", question.data.key), ...other });
  assert.deepEqual(texts(room), ["", "not mine", "mine"]);
  assert.deepEqual(
    [...room.entries, ...room.outgoing].map(({ userId }) => userId),
    ["9", "9", "1"],
  );
  connection.publish("room:7", 0, { type: "chat.person_left", ...other, at });
  assert.deepEqual(room.people, [{ id: "1", name: "ada" }]);
});

test("what has no id, as in a history of an earlier hub, is nobody's own", async () => {
  const { connection, room } = await enter();
  room.send("mine");
  const { question } = await connection.next();
  const { user_id, ...earlier } = message(5, "mine", "ada", question.data.key);
  connection.publish("room:7", 1, earlier);
  assert.equal(room.entries[0].userId, "");
  assert.equal(room.outgoing.length, 1);
});
