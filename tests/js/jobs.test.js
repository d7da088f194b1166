import assert from "node:assert/strict";
import { test } from "node:test";

import { CallFailed } from "../../static/hub/js/hub/connection.js";
import { JobList } from "../../static/hub/js/hub/jobs.js";
import { ScriptedConnection, turnOfTheLoop } from "./scripted-connection.js";

const CHANNEL = "jobs:7";

/** Job number 1 is the newest of all. */
function job(number, state = "succeeded") {
  const made = new Date(Date.UTC(2026, 0, 1) - number * 60_000);
  return { id: `job-${String(number).padStart(4, "0")}`, title: `${number}`, state, created_at: made.toISOString() };
}

const PAGE = 100;

/** A list of so many jobs, as a hub answers for it; its first page is loaded. */
async function listOf(count) {
  const all = Array.from({ length: count }, (_, place) => job(place + 1));
  const connection = new ScriptedConnection();
  const ask = async (before) => {
    const start = before ? all.findIndex((one) => one.id === before) + 1 : 0;
    if (before && !start) throw new CallFailed(404, "There is no such job", false);
    const position = before ? null : { epoch: "e1", offset: 0 };
    return { items: all.slice(start, start + PAGE), position, more: all.length > start + PAGE };
  };
  const list = new JobList(connection, CHANNEL, ask);
  list.start();
  connection.begin(CHANNEL, 0);
  await turnOfTheLoop();
  let offset = 0;
  const change = (item) => connection.publish(CHANNEL, ++offset, { type: "worker.job_changed", item });
  return { list, all, change };
}

const numbers = (list) => list.items.map((one) => Number(one.title));
const upTo = (last) => Array.from({ length: last }, (_, place) => place + 1);

test("older jobs come page after page until there are no more", async () => {
  const { list } = await listOf(250);
  for (const loaded of [100, 200, 250]) {
    assert.deepEqual(numbers(list), upTo(loaded));
    assert.equal(list.more, loaded < 250);
    await list.loadOlder();
  }
});

test("a change of a job far behind leaves no gap in the pages", async () => {
  const { list, change } = await listOf(500);
  change(job(400, "running"));
  assert.deepEqual(numbers(list), upTo(100));
  for (let page = 0; page < 4; page++) await list.loadOlder();
  assert.deepEqual(numbers(list), upTo(500));
  change(job(400, "failed"));
  assert.equal(list.items[399].state, "failed");
});

test("a job that is new, or was changed, takes its place", async () => {
  const { list, change } = await listOf(120);
  change(job(0, "queued"));
  change(job(50, "failed"));
  assert.deepEqual(numbers(list), [0, ...upTo(100)]);
  assert.equal(list.items[50].state, "failed");
});

test("what had to go from a list that has grown by itself can be loaded again", async () => {
  const { list, change } = await listOf(100);
  assert.equal(list.more, false);
  for (let number = 0; number < 210; number++) change(job(-number, "queued"));
  assert.equal(list.items.length, 300);
  assert.equal(list.more, true);
});

test("a list whose last job was deleted meanwhile is loaded again", async () => {
  const { list, all } = await listOf(150);
  all.splice(90);
  await list.loadOlder();
  await turnOfTheLoop();
  assert.deepEqual(numbers(list), upTo(90));
  assert.equal(list.more, false);
});
