import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { askUntilAnswered } from "../../static/hub/js/hub/connection.js";
import { locks, pass, reset, settle, Tab, tabs } from "./tabs.js";

/** Seconds after which a hanging tab has lost the lead: until the next ping, and until its answer times out. */
const NOTICED = 30;

beforeEach(reset);

/** The indexes of the tabs that have an open connection. */
const connected = (...all) =>
  all.map((tab, number) => tab.tabConnection && number).filter((number) => number !== undefined);
const states = (...all) => all.map(({ shared }) => shared.state);

test("a leader that answers pings keeps the lead without other messages", async () => {
  const [first, second] = await tabs(2);
  await pass(120);
  assert.deepEqual(connected(first, second), [0]);
  assert.deepEqual(states(first, second), ["connected", "connected"]);
});

test("a hanging leader loses the lead to a visible tab and follows it afterwards", async () => {
  const [first, hidden, seen] = await tabs(3);
  hidden.visibilityState = "hidden";
  first.hangs = true;
  await pass(NOTICED);
  assert.ok(seen.shared.leads);
  assert.deepEqual(states(hidden, seen), ["reconnecting", "reconnecting"]);
  seen.do(() => seen.tabConnection.become("connected"));
  await settle();
  assert.deepEqual(states(hidden, seen), ["connected", "connected"]);
  first.wake();
  await settle();
  assert.deepEqual(connected(first, hidden, seen), [2]);
  assert.deepEqual(states(first, hidden, seen), ["connected", "connected", "connected"]);
});

test("a hidden tab does not steal the lead", async () => {
  const [first, second] = await tabs(2);
  second.visibilityState = "hidden";
  first.hangs = true;
  await pass(120);
  assert.ok(!second.shared.leads);
});

test("a tab that becomes visible pings the leader at once", async () => {
  const [first, second] = await tabs(2);
  first.hangs = true;
  second.do(() => second.shared.reconnectNow());
  await pass(10);
  assert.ok(second.shared.leads);
});

test("one of two tabs that steal the lead at the same moment becomes the leader", async () => {
  const [first, second, third] = await tabs(3);
  first.hangs = true;
  for (const tab of [second, third]) tab.do(() => tab.shared.reconnectNow());
  await pass(10);
  assert.deepEqual(connected(second, third).length, 1);
  const leader = second.tabConnection ? second : third;
  leader.do(() => leader.tabConnection.become("connected"));
  await settle();
  assert.deepEqual(states(second, third), ["connected", "connected"]);
  first.wake();
  await settle();
  await pass(60);
  assert.equal(connected(first, second, third).length, 1);
  assert.deepEqual(states(first, second, third), ["connected", "connected", "connected"]);
});

test("a tab that stole the lead hands it on when it leaves, also to the former leader", async () => {
  const [first, second] = await tabs(2);
  first.hangs = true;
  await pass(NOTICED);
  first.wake();
  await settle();
  second.do(() => second.shared.suspend());
  await settle();
  assert.deepEqual(connected(first, second), [0]);
  second.do(() => second.shared.resume());
  first.do(() => first.tabConnection.become("connected"));
  await settle();
  assert.deepEqual(states(first, second), ["connected", "connected"]);
});

test("a tab that hangs while the lead changes twice has one connection", async () => {
  const [first, second] = await tabs(2);
  first.hangs = true;
  await pass(NOTICED);
  second.hangs = true;
  first.wake();
  await settle();
  await pass(NOTICED);
  assert.ok(first.shared.leads);
  first.hangs = true;
  second.wake();
  await settle();
  await pass(NOTICED);
  assert.ok(second.shared.leads);
  second.do(() => second.shared.suspend());
  await settle();
  first.wake();
  await settle();
  assert.deepEqual(connected(first, second), [0]);
  assert.equal(first.connections.filter(({ closed }) => !closed).length, 1);
});

test("the other tabs ignore events of a former leader", async () => {
  const [first, second, third] = await tabs(3);
  const received = [];
  third.shared.on("publication", ({ data }) => received.push(data));
  first.hangs = true;
  second.do(() => second.shared.reconnectNow());
  await pass(10);
  second.do(() => second.tabConnection.become("connected"));
  await settle();
  const tabConnection = first.connections[0];
  // Events that reached the former leader before it learned that it has lost the lead.
  tabConnection.publish("online", 0, "stale");
  tabConnection.become("reconnecting");
  await settle();
  second.do(() => second.tabConnection.publish("online", 0, "of now"));
  await settle();
  assert.deepEqual(received, ["of now"]);
  assert.deepEqual(states(second, third), ["connected", "connected"]);
  first.wake();
  await settle();
  assert.deepEqual(states(first, second, third), ["connected", "connected", "connected"]);
});

test("a tab that follows a former leader finds the new leader", async () => {
  const [first, second] = await tabs(2);
  first.hangs = true;
  second.do(() => second.shared.reconnectNow());
  await pass(10);
  second.do(() => second.tabConnection.become("connected"));
  const third = new Tab().open();
  // The first event that the third tab receives.
  first.connections[0].become("reconnecting");
  await settle();
  first.wake();
  await settle();
  assert.deepEqual(states(first, second, third), ["connected", "connected", "connected"]);
  assert.deepEqual(connected(first, second, third), [1]);
});

test("a former leader receives the positions of its channels again", async () => {
  const [first, second] = await tabs(2);
  const positions = [];
  first.shared.on("subscribed", ({ channel, position }) => positions.push([channel, position.offset]));
  first.do(() => first.tabConnection.begin("user:1", 4));
  await settle();
  first.hangs = true;
  await pass(NOTICED);
  second.do(() => {
    second.tabConnection.become("connected");
    second.tabConnection.begin("user:1", 7);
  });
  await settle();
  first.wake();
  await settle();
  assert.deepEqual(positions, [
    ["user:1", 4],
    ["user:1", 7],
  ]);
});

test("the next leader answers the questions to a hanging leader, and the leader's own questions", async () => {
  const [first, second] = await tabs(2);
  const ask = (tab, method) => {
    const answers = [];
    tab.do(() =>
      askUntilAnswered(tab.shared, { ask: "rpc", method, data: {} }).then((answer) => answers.push(answer)),
    );
    return answers;
  };
  const ofFirst = ask(first, "first");
  await settle();
  first.hangs = true;
  const ofSecond = ask(second, "second");
  await pass(NOTICED);
  second.do(() => second.tabConnection.become("connected"));
  await pass(2);
  first.wake();
  await pass(2);
  assert.deepEqual(
    new Set(second.tabConnection.asked.map(({ question }) => question.method)),
    new Set(["first", "second"]),
  );
  for (const { question, answer } of second.tabConnection.asked) second.do(() => answer(`to ${question.method}`));
  await settle();
  assert.deepEqual([ofFirst, ofSecond], [["to first"], ["to second"]]);
});

test("all tabs know the close code of the server", async () => {
  const [first, second] = await tabs(2);
  first.do(() => {
    first.tabConnection.changeState("closed", 3500);
    first.tabConnection.emit("state", { kind: "state", state: "closed", code: 3500 });
  });
  await settle();
  for (const { shared } of [first, second]) assert.deepEqual([shared.state, shared.code], ["closed", 3500]);
  assert.deepEqual(connected(first, second), []);
});

test("tabs without locks have a connection each, also after a suspend", async () => {
  locks.error = new DOMException("denied", "SecurityError");
  const both = [new Tab().open(), new Tab().open()];
  await settle();
  assert.deepEqual(connected(...both), [0, 1]);
  for (const tab of both) tab.do(() => tab.shared.suspend());
  await settle();
  assert.deepEqual(connected(...both), []);
  for (const tab of both) tab.do(() => tab.shared.resume());
  await settle();
  for (const tab of both) tab.do(() => tab.tabConnection.become("connected"));
  await pass(NOTICED);
  assert.deepEqual(connected(...both), [0, 1]);
  assert.deepEqual(states(...both), ["connected", "connected"]);
});
