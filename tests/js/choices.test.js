import assert from "node:assert/strict";
import { test } from "node:test";
import { CREATED } from "../../static/hub/js/hub/alerts.js";
import { Choices } from "../../static/hub/js/hub/choices.js";
import { Inbox } from "../../static/hub/js/hub/inbox.js";
import { ScriptedConnection, turnOfTheLoop } from "./scripted-connection.js";

const NOTHING = { hidden: [], silent: [], silent_until: {}, always: [], time_zone: "UTC", quiet: null, plan: null };
const EVERY_DAY = [1, 2, 3, 4, 5, 6, 7];

async function chosen(heeded) {
  const connection = new ScriptedConnection();
  const choices = new Choices(connection, true);
  const loading = choices.ready();
  (await connection.next()).answer({ ...NOTHING, ...heeded });
  await loading;
  return { connection, choices };
}

const at = (t, iso) => t.mock.timers.enable({ apis: ["Date"], now: Date.parse(iso) });

test("what is muted does not interrupt, by kind, category, channel or for being of no kind", async () => {
  const { choices } = await chosen({
    silent: ["kind:order", "topic:deploys", "plain"],
    silent_until: { "category:shifts": "2999-01-01T00:00:00Z", everyone: "2020-01-01T00:00:00Z" },
    always: ["alarm"],
  });
  const silent = [
    [{ kind: "order" }, "everyone"],
    [{ kind: "other" }, "topic:deploys"],
    [{ kind: "shift", category: "shifts" }, "group:1"],
    [{}, "group:1"],
    [{ kind: "other", silent: true }, "user:1"],
  ];
  for (const [alert, channel] of silent) assert.equal(choices.isSilent(alert, channel), true);
  assert.equal(choices.isSilent({ kind: "other" }, "everyone"), false);
  assert.equal(choices.isSilent({ kind: "alarm", category: "shifts" }, "topic:deploys"), false);
});

test("quiet hours and the plan go by the person's clock, on days on which clocks change too", async (t) => {
  const night = { begin: "22:00", end: "07:00", days: EVERY_DAY };
  const work = { begin: "09:00", end: "18:00", days: [1, 2, 3, 4, 5] };
  const zone = { time_zone: "Europe/Berlin" };
  const cases = [
    [{ quiet: night }, "2026-10-25T05:30:00Z", true], // 06:30, and in summer 07:30
    [{ quiet: night }, "2026-10-25T06:00:00Z", false],
    [{ quiet: night }, "2026-03-29T04:30:00Z", true], // 06:30, and in winter 05:30
    [{ quiet: night }, "2026-03-29T05:00:00Z", false],
    [{ plan: [work] }, "2026-11-30T08:00:00Z", false], // a Monday, 09:00
    [{ plan: [work] }, "2026-11-30T07:59:00Z", true],
    [{ plan: [work] }, "2026-11-29T11:00:00Z", true], // a Sunday
    [{ plan: [{ begin: "00:00", end: "00:00", days: [7] }] }, "2026-11-29T22:59:00Z", false],
    [{ plan: [{ begin: "00:00", end: "00:00", days: [7] }] }, "2026-11-29T23:00:00Z", true],
    [{ plan: [] }, "2026-11-30T11:00:00Z", true],
  ];
  for (const [hours, moment, isSilent] of cases) {
    const { choices } = await chosen({ ...zone, ...hours });
    at(t, moment);
    assert.equal(choices.isSilent({ kind: "order" }, "user:1"), isSilent, `${JSON.stringify(hours)} ${moment}`);
    t.mock.timers.reset();
  }
});

test("what was published is newer than an answer, and a page without an answer shows all", async () => {
  const connection = new ScriptedConnection();
  const choices = new Choices(connection, true);
  const loading = choices.ready();
  choices.set({ ...NOTHING, hidden: ["new"] });
  (await connection.next()).answer({ ...NOTHING, hidden: ["old"] });
  await loading;
  assert.deepEqual([choices.isHidden({ kind: "new" }), choices.isHidden({ kind: "old" })], [true, false]);
  const refused = new Choices(connection, true);
  const waiting = refused.ready();
  (await connection.next()).fail(401);
  await waiting;
  assert.deepEqual([refused.isHidden({}), refused.isSilent({}, "everyone")], [false, false]);
  const guest = new Choices(connection, false);
  await guest.ready();
  assert.equal(connection.asked.length, 0);
});

test("an inbox neither lists nor counts what is hidden, and loads again when that changes", async () => {
  const { connection, choices } = await chosen({ hidden: ["order", ""] });
  const inbox = new Inbox(connection, true, choices);
  inbox.start();
  const page = { items: [], unread: 0, more: false, positions: { everyone: { epoch: "e1", offset: 0 } } };
  (await connection.next()).answer(page);
  await turnOfTheLoop();
  connection.publish("everyone", 1, { type: CREATED, id: 1, message: "plain" });
  connection.publish("everyone", 2, { type: CREATED, id: 2, message: "order", kind: "order" });
  connection.publish("everyone", 3, { type: CREATED, id: 3, message: "other", kind: "other" });
  assert.deepEqual([inbox.items.map(({ id }) => id), inbox.unread], [[3], 1]);
  choices.set({ ...NOTHING, silent: ["kind:order"] });
  (await connection.next()).answer({ ...page, unread: 3, positions: { everyone: { epoch: "e1", offset: 3 } } });
  await turnOfTheLoop();
  assert.equal(inbox.unread, 3);
  connection.publish("everyone", 4, { type: CREATED, id: 4, message: "order", kind: "order" });
  assert.equal(inbox.items[0].silent, true);
});

test("a time zone that this browser does not know is its own, and alerts go on", async (t) => {
  const always = { begin: "00:00", end: "00:00", days: EVERY_DAY };
  for (const time_zone of ["Factory", "Nowhere/At_All"]) {
    const { choices } = await chosen({ time_zone, quiet: always });
    at(t, "2026-11-30T11:00:00Z");
    assert.equal(choices.isSilent({ kind: "order" }, "user:1"), true);
    t.mock.timers.reset();
  }
});
