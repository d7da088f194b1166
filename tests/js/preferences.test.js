import assert from "node:assert/strict";
import { test } from "node:test";

import { Emitter } from "../../static/hub/js/hub/emitter.js";
import { Preferences, tomorrowMorning } from "../../static/hub/js/hub/preferences.js";
import { withEntry } from "../../static/hub/js/hub/weekly-plan.js";
import { ScriptedConnection, turnOfTheLoop } from "./scripted-connection.js";

const OFFERED = { languages: [], time_zones: [], language: "en", time_zone: "UTC" };

async function started() {
  const connection = new ScriptedConnection();
  const choices = Object.assign(new Emitter(), { ready: () => Promise.resolve() });
  const preferences = new Preferences(connection, choices);
  preferences.start();
  const get = await connection.next();
  const offered = await connection.next();
  return { connection, choices, preferences, get, offered };
}

test("tomorrow morning is at nine on the person's clock, also where clocks are set in the night", () => {
  const cases = [
    ["Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T07:00:00.000Z"], // summer time begins in that night
    ["Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T08:00:00.000Z"],
    ["Europe/Berlin", "2026-01-31T23:30:00Z", "2026-02-02T08:00:00.000Z"], // it is the next day there already
    ["Asia/Kathmandu", "2026-01-01T00:00:00Z", "2026-01-02T03:15:00.000Z"],
    ["Pacific/Apia", "2026-01-01T00:00:00Z", "2026-01-01T20:00:00.000Z"],
  ];
  for (const [zone, now, at] of cases) assert.equal(tomorrowMorning(zone, Date.parse(now)), at, zone);
});

test("changes are sent one after the other, and the last answer holds", async () => {
  const { connection, preferences, get, offered } = await started();
  assert.equal(get.question.method, "preferences.get");
  get.answer({ language: "" });
  offered.answer(OFFERED);
  await turnOfTheLoop();
  assert.equal(preferences.state, "ready");
  const first = preferences.change({ language: "ru" });
  const second = preferences.change({ language: "de" });
  const asked = await connection.next();
  assert.deepEqual([asked.question.data.language, connection.asked.length], ["ru", 0]);
  asked.answer({ language: "ru" });
  (await connection.next()).answer({ language: "de" });
  assert.deepEqual([await first, await second], [true, true]);
  assert.deepEqual([preferences.value.language, preferences.saving], ["de", 0]);
});

test("an answer that was asked for before a change is stored is not shown after it", async () => {
  const { connection, preferences, get, offered } = await started();
  const changed = preferences.change({ language: "ru" });
  (await connection.next()).answer({ language: "ru" });
  await changed;
  get.answer({ language: "" });
  offered.answer(OFFERED);
  await turnOfTheLoop();
  assert.equal(preferences.value.language, "ru");
});

test("a change that is refused leaves what was chosen, and says why", async () => {
  const { connection, preferences, get, offered } = await started();
  get.answer({ language: "en" });
  offered.answer(OFFERED);
  await turnOfTheLoop();
  const said = [];
  preferences.on("failed", (error) => said.push(error.message));
  const changed = preferences.change({ language: "xx" });
  (await connection.next()).fail(400);
  assert.equal(await changed, false);
  assert.deepEqual([preferences.value.language, said], ["en", ["said the server"]]);
});

test("a change that cannot be worked out fails alone", async () => {
  const { connection, preferences } = await started();
  const broken = preferences.change(() => {
    throw new TypeError("there is nothing yet");
  });
  await assert.rejects(broken, TypeError);
  const changed = preferences.change({ language: "ru" });
  (await connection.next()).answer({ language: "ru" });
  assert.equal(await changed, true);
});

test("what another device has chosen is loaded", async () => {
  const { connection, choices, preferences, get, offered } = await started();
  get.answer({ language: "en" });
  offered.answer(OFFERED);
  await turnOfTheLoop();
  choices.emit("change");
  choices.emit("change");
  const again = await connection.next();
  await turnOfTheLoop();
  assert.equal(connection.asked.length, 0); // once for both
  again.answer({ language: "ru" });
  await turnOfTheLoop();
  assert.equal(preferences.value.language, "ru");
});

const hours = (begin) => ({ begin, end: "18:00", days: [1, 2] });

test("a change of a part is made of what is stored when it is its turn", async () => {
  const { connection, preferences, get, offered } = await started();
  const [early, late, noon, night] = [hours("06:00"), hours("09:00"), hours("12:00"), hours("22:00")];
  get.answer({ plan: [early, late] });
  offered.answer(OFFERED);
  await turnOfTheLoop();
  const first = preferences.change((value) => ({ plan: withEntry(value.plan, [early], noon) }));
  const second = preferences.change((value) => ({ plan: withEntry(value.plan, [late], night) }));
  for (const plan of [
    [noon, late],
    [noon, night],
  ]) {
    const asked = await connection.next();
    assert.deepEqual(asked.question.data.plan, plan);
    asked.answer({ plan });
  }
  assert.deepEqual([await first, await second, preferences.value.plan], [true, true, [noon, night]]);
});

test("an entry of a weekly plan is found by what it was, wherever it stands", () => {
  const [early, late, noon] = [hours("06:00"), hours("09:00"), hours("12:00")];
  assert.deepEqual(withEntry([early, late], [{ ...late, days: [2, 1] }], noon), [early, noon]);
  assert.deepEqual(withEntry([late], [late], null), null);
  assert.deepEqual(withEntry(null, [], noon), [noon]);
  assert.deepEqual(withEntry([early, late], [noon, late], null), [early], "the change before was refused");
  assert.deepEqual(withEntry([early], [late], noon), [early, noon], "it was taken out elsewhere");
  assert.deepEqual(withEntry([early], [late], null), [early]);
});
