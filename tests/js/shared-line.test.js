import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { persist } from "../../static/js/hub/line.js";
import { locks, pass, reset, settle, Tab, tabs } from "./tabs.js";

/** Seconds after which a tab that hangs has lost the lead: until the next look, and for an answer to it. */
const NOTICED = 30;

beforeEach(reset);

/** Which of the tabs have a connection that has not ended. */
const connected = (...all) => all.map((tab, number) => tab.own && number).filter((number) => number !== undefined);
const states = (...all) => all.map(({ line }) => line.state);

test("a leader that answers keeps the lead, however long it says nothing by itself", async () => {
  const [first, second] = await tabs(2);
  await pass(120);
  assert.deepEqual(connected(first, second), [0]);
  assert.deepEqual(states(first, second), ["connected", "connected"]);
});

test("a leader that hangs loses the lead to a tab that somebody sees, and follows it when it is back", async () => {
  const [first, hidden, seen] = await tabs(3);
  hidden.visibilityState = "hidden";
  first.hangs = true;
  await pass(NOTICED);
  assert.ok(seen.line.leads);
  assert.deepEqual(states(hidden, seen), ["reconnecting", "reconnecting"]);
  seen.do(() => seen.own.become("connected"));
  await settle();
  assert.deepEqual(states(hidden, seen), ["connected", "connected"]);
  first.wake();
  await settle();
  assert.deepEqual(connected(first, hidden, seen), [2]);
  assert.deepEqual(states(first, hidden, seen), ["connected", "connected", "connected"]);
});

test("no tab that nobody sees takes the lead", async () => {
  const [first, second] = await tabs(2);
  second.visibilityState = "hidden";
  first.hangs = true;
  await pass(120);
  assert.ok(!second.line.leads);
});

test("who comes to look waits for the answer alone", async () => {
  const [first, second] = await tabs(2);
  first.hangs = true;
  second.do(() => second.line.hurry());
  await pass(10);
  assert.ok(second.line.leads);
});

test("of tabs that take the lead in the same moment one has it", async () => {
  const [first, second, third] = await tabs(3);
  first.hangs = true;
  for (const tab of [second, third]) tab.do(() => tab.line.hurry());
  await pass(10);
  assert.deepEqual(connected(second, third).length, 1);
  const leader = second.own ? second : third;
  leader.do(() => leader.own.become("connected"));
  await settle();
  assert.deepEqual(states(second, third), ["connected", "connected"]);
  first.wake();
  await settle();
  await pass(60);
  assert.equal(connected(first, second, third).length, 1);
  assert.deepEqual(states(first, second, third), ["connected", "connected", "connected"]);
});

test("who has taken the lead hands it on when it goes, also to the tab it was taken from", async () => {
  const [first, second] = await tabs(2);
  first.hangs = true;
  await pass(NOTICED);
  first.wake();
  await settle();
  second.do(() => second.line.suspend());
  await settle();
  assert.deepEqual(connected(first, second), [0]);
  second.do(() => second.line.resume());
  first.do(() => first.own.become("connected"));
  await settle();
  assert.deepEqual(states(first, second), ["connected", "connected"]);
});

test("a tab that hangs while the lead comes and goes has it once", async () => {
  const [first, second] = await tabs(2);
  first.hangs = true;
  await pass(NOTICED);
  second.hangs = true;
  first.wake();
  await settle();
  await pass(NOTICED);
  assert.ok(first.line.leads);
  first.hangs = true;
  second.wake();
  await settle();
  await pass(NOTICED);
  assert.ok(second.line.leads);
  second.do(() => second.line.suspend());
  await settle();
  first.wake();
  await settle();
  assert.deepEqual(connected(first, second), [0]);
  assert.equal(first.connections.filter(({ ended }) => !ended).length, 1);
});

test("what a tab that has lost the lead still says of its connection is heard by nobody else", async () => {
  const [first, second, third] = await tabs(3);
  const heard = [];
  third.line.on("publication", ({ data }) => heard.push(data));
  first.hangs = true;
  second.do(() => second.line.hurry());
  await pass(10);
  second.do(() => second.own.become("connected"));
  await settle();
  const own = first.connections[0];
  // What came to it while it hung, before it learns that it leads no more.
  own.publish("online", 0, "stale");
  own.become("reconnecting");
  await settle();
  second.do(() => second.own.publish("online", 0, "of now"));
  await settle();
  assert.deepEqual(heard, ["of now"]);
  assert.deepEqual(states(second, third), ["connected", "connected"]);
  first.wake();
  await settle();
  assert.deepEqual(states(first, second, third), ["connected", "connected", "connected"]);
});

test("who was led by a tab that has lost the lead meanwhile finds the one that has it", async () => {
  const [first, second] = await tabs(2);
  first.hangs = true;
  second.do(() => second.line.hurry());
  await pass(10);
  second.do(() => second.own.become("connected"));
  const third = new Tab().open();
  // The first thing that it ever hears.
  first.connections[0].become("reconnecting");
  await settle();
  first.wake();
  await settle();
  assert.deepEqual(states(first, second, third), ["connected", "connected", "connected"]);
  assert.deepEqual(connected(first, second, third), [1]);
});

test("a tab that has lost the lead hears again where its channels stand", async () => {
  const [first, second] = await tabs(2);
  const begun = [];
  first.line.on("begun", ({ channel, position }) => begun.push([channel, position.offset]));
  first.do(() => first.own.begin("user:1", 4));
  await settle();
  first.hangs = true;
  await pass(NOTICED);
  second.do(() => {
    second.own.become("connected");
    second.own.begin("user:1", 7);
  });
  await settle();
  first.wake();
  await settle();
  assert.deepEqual(begun, [
    ["user:1", 4],
    ["user:1", 7],
  ]);
});

test("what was asked of a tab that hangs is answered by the next one, and what that tab asked itself too", async () => {
  const [first, second] = await tabs(2);
  const ask = (tab, method) => {
    const answers = [];
    tab.do(() => persist(tab.line, { ask: "rpc", method, data: {} }).then((answer) => answers.push(answer)));
    return answers;
  };
  const ofFirst = ask(first, "first");
  await settle();
  first.hangs = true;
  const ofSecond = ask(second, "second");
  await pass(NOTICED);
  second.do(() => second.own.become("connected"));
  await pass(2);
  first.wake();
  await pass(2);
  assert.deepEqual(new Set(second.own.asked.map(({ question }) => question.method)), new Set(["first", "second"]));
  for (const { question, answer } of second.own.asked) second.do(() => answer(`to ${question.method}`));
  await settle();
  assert.deepEqual([ofFirst, ofSecond], [["to first"], ["to second"]]);
});

test("why the server has closed the connection is known to all tabs", async () => {
  const [first, second] = await tabs(2);
  first.do(() => {
    first.own.turn("closed", 3500);
    first.own.emit("state", { kind: "state", state: "closed", code: 3500 });
  });
  await settle();
  for (const { line } of [first, second]) assert.deepEqual([line.state, line.code], ["closed", 3500]);
  assert.deepEqual(connected(first, second), []);
});

test("tabs that may have no locks have a connection each, also after they have slept", async () => {
  locks.refusal = new DOMException("denied", "SecurityError");
  const both = [new Tab().open(), new Tab().open()];
  await settle();
  assert.deepEqual(connected(...both), [0, 1]);
  for (const tab of both) tab.do(() => tab.line.suspend());
  await settle();
  assert.deepEqual(connected(...both), []);
  for (const tab of both) tab.do(() => tab.line.resume());
  await settle();
  for (const tab of both) tab.do(() => tab.own.become("connected"));
  await pass(NOTICED);
  assert.deepEqual(connected(...both), [0, 1]);
  assert.deepEqual(states(...both), ["connected", "connected"]);
});
