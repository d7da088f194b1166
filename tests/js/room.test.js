import assert from "node:assert/strict";
import { test } from "node:test";

import { Room } from "../../static/js/hub/room.js";
import { ScriptedLine, turnOfTheLoop } from "./scripted-line.js";

const at = "2026-01-01T10:00:00Z";
const message = (id, text, username = "grace", key = "") => ({
  type: "chat.message_posted",
  id,
  text,
  username,
  at,
  key,
});

async function enter(items = []) {
  const line = new ScriptedLine();
  const room = new Room(line, "lounge", "ada");
  room.start();
  (await line.next()).answer({ id: 7, name: "lounge", channel: "room:7", may_write: true });
  (await line.next()).answer({ items, more: false, position: { epoch: "e1", offset: items.length } });
  await turnOfTheLoop();
  return { line, room };
}

const texts = (room) => [...room.entries, ...room.outgoing].map((entry) => entry.text);

test("a message shows before the server has it, and once when it has", async () => {
  const { line, room } = await enter();
  room.send("hello");
  assert.deepEqual(texts(room), ["hello"]);
  const { question, answer } = await line.next();
  line.publish("room:7", 1, message(5, "hello", "ada", question.data.key));
  assert.equal(room.outgoing.length, 0);
  answer({ id: 5, at });
  await turnOfTheLoop();
  assert.deepEqual(texts(room), ["hello"]);
});

test("the answer before the publication shows it once too", async () => {
  const { line, room } = await enter();
  room.send("hello");
  const { question, answer } = await line.next();
  answer({ id: 5, at });
  await turnOfTheLoop();
  line.publish("room:7", 1, message(5, "hello", "ada", question.data.key));
  assert.deepEqual(texts(room), ["hello"]);
});

test("a message whose answer was lost is sent again under its key", async () => {
  const { line, room } = await enter();
  room.send("hello");
  const first = await line.next();
  line.become("reconnecting");
  first.fail(11, true);
  await turnOfTheLoop();
  assert.equal(line.asked.length, 0);
  line.become("connected");
  const second = await line.next();
  assert.equal(second.question.data.key, first.question.data.key);
  second.answer({ id: 5, at });
  await turnOfTheLoop();
  assert.deepEqual(texts(room), ["hello"]);
});

test("messages are sent one after the other, and what others say stands where it belongs", async () => {
  const { line, room } = await enter();
  room.send("one");
  room.send("two");
  const first = await line.next();
  assert.equal(first.question.data.text, "one");
  assert.equal(line.asked.length, 0);
  line.publish("room:7", 1, message(4, "before both"));
  line.publish("room:7", 3, message(6, "after one"));
  first.answer({ id: 5, at });
  const gap = await line.next();
  const second = await line.next();
  assert.equal(gap.question.ask, "history");
  gap.answer({ publications: [{ offset: 2, data: message(5, "one", "ada") }], epoch: "e1", offset: 3 });
  second.answer({ id: 7, at });
  await turnOfTheLoop();
  assert.deepEqual(texts(room), ["before both", "one", "after one", "two"]);
});

test("a message that was written in a cut waits for the connection", async () => {
  const { line, room } = await enter();
  line.become("reconnecting");
  room.send("later");
  await turnOfTheLoop();
  assert.equal(line.asked.length, 0);
  assert.deepEqual(texts(room), ["later"]);
  line.become("connected");
  assert.equal((await line.next()).question.data.text, "later");
});

test("a message that comes behind a newer one stands before it", async () => {
  const { line, room } = await enter();
  room.send("mine");
  (await line.next()).answer({ id: 5, at });
  await turnOfTheLoop();
  line.publish("room:7", 1, message(4, "earlier"));
  line.publish("room:7", 2, message(5, "mine", "ada"));
  line.publish("room:7", 3, message(6, "later"));
  assert.deepEqual(texts(room), ["earlier", "mine", "later"]);
});

test("a message that is refused stays with its writer and holds up no other", async () => {
  const { line, room } = await enter();
  room.send("too long");
  room.send("fine");
  (await line.next()).fail(400);
  (await line.next()).answer({ id: 5, at });
  await turnOfTheLoop();
  assert.deepEqual(
    room.outgoing.map(({ kind, error }) => [kind, error]),
    [["failed", "said the server"]],
  );
  assert.equal(room.discard(room.outgoing[0].key), "too long");
  assert.deepEqual(texts(room), ["fine"]);
});

test("nobody can take the place of a message that is on its way", async () => {
  const { line, room } = await enter();
  room.send("mine");
  const { question } = await line.next();
  line.publish("room:7", 1, message(5, "not mine", "mallory", question.data.key));
  assert.deepEqual(texts(room), ["not mine", "mine"]);
});

test("who types is shown until they have written, or have stopped", async (context) => {
  const { line, room } = await enter();
  context.mock.timers.enable({ apis: ["setTimeout"] });
  line.publish("room:7", 0, { type: "chat.person_typing", username: "grace" });
  line.publish("room:7", 0, { type: "chat.person_typing", username: "linus" });
  line.publish("room:7", 0, { type: "chat.person_typing", username: "ada" });
  assert.deepEqual(room.typing, ["grace", "linus"]);
  line.publish("room:7", 1, message(5, "done"));
  assert.deepEqual(room.typing, ["linus"]);
  context.mock.timers.tick(5_001);
  assert.deepEqual(room.typing, []);
});

test("who comes and goes is told, except oneself, and counted", async () => {
  const { line, room } = await enter();
  line.begin("room:7", 0);
  (await line.next()).answer({ people: [{ username: "ada" }, { username: "grace" }], count: 2 });
  await turnOfTheLoop();
  line.publish("room:7", 0, { type: "chat.person_joined", username: "ada", at });
  line.publish("room:7", 0, { type: "chat.person_joined", username: "linus", at });
  line.publish("room:7", 0, { type: "chat.person_left", username: "grace", at });
  assert.deepEqual(room.people, ["ada", "linus"]);
  assert.equal(room.count, 2);
  assert.deepEqual(
    room.entries.map(({ kind, username }) => [kind, username]),
    [
      ["joined", "linus"],
      ["left", "grace"],
    ],
  );
});

test("a room that is not there says so, and one that was closed follows nothing", async () => {
  const line = new ScriptedLine();
  const room = new Room(line, "nowhere", "ada");
  room.start();
  (await line.next()).fail(404);
  await turnOfTheLoop();
  assert.equal(room.state, "missing");
  const { line: other, room: lounge } = await enter();
  assert.deepEqual([...other.followed], ["room:7"]);
  lounge.close();
  assert.deepEqual([...other.followed], []);
});

test("a room is left with the last who shows it", async () => {
  const { line, room } = await enter();
  let ends = 0;
  room.on("closed", () => ends++);
  room.start();
  room.close();
  assert.deepEqual([room.closed, ends], [false, 0]);
  line.publish("room:7", 1, message(5, "still here"));
  assert.deepEqual(texts(room), ["still here"]);
  room.close();
  room.close();
  assert.deepEqual([room.closed, ends], [true, 1]);
  assert.equal(line.followed.size, 0);
  line.publish("room:7", 2, message(6, "gone"));
  assert.deepEqual(texts(room), ["still here"]);
});
