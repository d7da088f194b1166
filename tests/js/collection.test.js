import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Collection } from "../../static/hub/js/hub/collection.js";
import { ScriptedConnection, turnOfTheLoop } from "./scripted-connection.js";

const CHANNEL = "orders:7";

/** Answers of the address, in the order in which they are asked for. */
let answers;

beforeEach(() => {
  answers = [];
  mock.method(globalThis, "fetch", (address, request) => {
    const { promise, resolve, reject } = deferred();
    answers.push({
      address,
      request,
      say: (body, status = 200) => resolve({ ok: status < 400, status, json: async () => structuredClone(body) }),
      answer: resolve,
      fail: () => reject(new TypeError("network")),
    });
    return promise;
  });
});

afterEach(() => mock.restoreAll());

function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

async function asked() {
  for (let turn = 0; turn < 2_000 && !answers.length; turn++) await turnOfTheLoop();
  assert.ok(answers.length, "nothing was fetched");
  return answers.shift();
}

function open(options = {}) {
  const connection = new ScriptedConnection();
  const collection = new Collection(connection, "/orders.json", { channel: CHANNEL, ...options });
  collection.start();
  return { connection, collection };
}

const at = (offset, epoch = "e1") => ({ epoch, offset });

test("a list takes what its channel publishes after its position", async () => {
  const { connection, collection } = open();
  connection.begin(CHANNEL, 3);
  connection.publish(CHANNEL, 4, { item: { id: 1, state: "old" } });
  connection.publish(CHANNEL, 5, { item: { id: 2, state: "new" } });
  (await asked()).say({ items: [{ id: 1, state: "newest" }], position: at(4) });
  await turnOfTheLoop();
  assert.deepEqual(collection.items, [
    { id: 1, state: "newest" },
    { id: 2, state: "new" },
  ]);
  connection.publish(CHANNEL, 6, { removed: 1 });
  assert.deepEqual(collection.items, [{ id: 2, state: "new" }]);
  assert.equal(collection.state, "ready");
});

for (const [said, answer] of [
  ["a page to log in", { json: async () => JSON.parse("<!doctype html>") }],
  ["JSON that is no list", { json: async () => ({ detail: "no" }) }],
  ["null", { json: async () => null }],
]) {
  test(`an address that answers ${said} has failed, and says so`, async () => {
    const { connection, collection } = open();
    connection.begin(CHANNEL, 3);
    (await asked()).answer({ ok: true, status: 200, ...answer });
    await turnOfTheLoop();
    assert.deepEqual([collection.state, collection.items, collection.error?.code], ["failed", [], 200]);
    assert.match(collection.error?.message ?? "", /^\/orders.json answers no/);
  });
}

test("an answer that is cut off is asked for again", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { connection, collection } = open();
  connection.begin(CHANNEL, 3);
  const cut = async () => {
    throw new TypeError("network");
  };
  (await asked()).answer({ ok: true, status: 200, json: cut });
  await turnOfTheLoop();
  mock.timers.tick(60_000);
  (await asked()).say({ items: [{ id: 1 }], position: at(3) });
  await turnOfTheLoop();
  assert.deepEqual([collection.state, collection.items], ["ready", [{ id: 1 }]]);
  mock.timers.reset();
});

test("a list that came with the page is not loaded, and takes what followed", async () => {
  const { connection, collection } = open({ initial: { items: [{ id: 1 }], position: at(3) } });
  assert.deepEqual(collection.items, [{ id: 1 }]);
  assert.equal(collection.state, "ready");
  connection.begin(CHANNEL, 3);
  connection.publish(CHANNEL, 4, { item: { id: 2 } });
  assert.deepEqual(collection.items, [{ id: 1 }, { id: 2 }]);
  assert.equal(answers.length, 0);
  connection.begin(CHANNEL, 9, "e2");
  (await asked()).say({ items: [{ id: 3 }], position: at(9, "e2") });
  await turnOfTheLoop();
  assert.deepEqual(collection.items, [{ id: 3 }]);
});

test("a list that came without a position is loaded", async () => {
  const { collection } = open({ initial: { items: [{ id: 1 }] } });
  (await asked()).say({ items: [{ id: 2 }], position: at(1) });
  await turnOfTheLoop();
  assert.deepEqual(collection.items, [{ id: 2 }]);
});

test("a live row takes its place, and one of another page stays out of the list", async () => {
  const { connection, collection } = open({ initial: { items: [{ id: 1, state: "new" }], position: at(0) } });
  const changes = [];
  collection.on("change", () => changes.push(collection.items.map((item) => `${item.id}:${item.state}`).join(" ")));
  connection.begin(CHANNEL, 0);
  const said = [
    { type: "live_rows.row_updated", item: { id: 1, state: "paid" } },
    { type: "live_rows.row_updated", item: { id: 2, state: "paid" } },
    { type: "live_rows.row_created", item: { id: 3, state: "new" } },
    { type: "live_rows.row_deleted", removed: 1 },
    { type: "live_rows.row_deleted", removed: 2 },
  ];
  for (const [place, data] of said.entries()) {
    connection.publish(CHANNEL, place + 1, data);
    await turnOfTheLoop();
  }
  assert.deepEqual(changes.slice(1), ["1:paid", "1:paid 3:new", "3:new", "3:new"]);
});

test("key, apply and order say what becomes of a publication", async () => {
  const { connection, collection } = open({
    key: "number",
    apply: (items, data) => items.map((item) => (item.number === data.order ? { ...item, rank: data.rank } : item)),
    order: (a, b) => a.rank - b.rank,
  });
  connection.begin(CHANNEL, 1);
  (await asked()).say({
    items: [
      { number: "b", rank: 2 },
      { number: "a", rank: 1 },
    ],
    position: at(1),
  });
  await turnOfTheLoop();
  connection.publish(CHANNEL, 2, { order: "a", rank: 3 });
  assert.deepEqual(
    collection.items.map((item) => item.number),
    ["b", "a"],
  );
});

test("a list whose history is gone is loaded again", async () => {
  const { connection, collection } = open();
  connection.begin(CHANNEL, 1);
  (await asked()).say({ items: [{ id: 1 }], position: at(1) });
  await turnOfTheLoop();
  connection.begin(CHANNEL, 9, "e2");
  (await asked()).say({ items: [{ id: 2 }], position: at(9, "e2") });
  await turnOfTheLoop();
  assert.deepEqual(collection.items, [{ id: 2 }]);
});

test("a list of a channel without positions is loaded again with each subscription", async () => {
  const { connection, collection } = open();
  const begin = () =>
    connection.emit("subscribed", { kind: "subscribed", channel: CHANNEL, position: null, latest: null });
  begin();
  (await asked()).say({ items: [{ id: 0 }] });
  (await asked()).say({ items: [{ id: 1 }] });
  await turnOfTheLoop();
  connection.publish(CHANNEL, 0, { item: { id: 2 } });
  assert.deepEqual(collection.items, [{ id: 1 }, { id: 2 }]);
  begin();
  (await asked()).say({ items: [{ id: 3 }] });
  await turnOfTheLoop();
  assert.deepEqual(collection.items, [{ id: 3 }]);
});

test("a request that failed for now is made again, and one that is refused is not", async () => {
  const { collection } = open();
  (await asked()).fail();
  (await asked()).say({}, 503);
  (await asked()).say({}, 404);
  await turnOfTheLoop();
  assert.equal(collection.state, "failed");
  assert.equal(collection.error.code, 404);
  assert.equal(answers.length, 0);
});

test("a channel that may not be subscribed to fails the list", async () => {
  const { connection, collection } = open();
  (await asked()).say({ items: [], position: at(1) });
  connection.emit("unsubscribed", { kind: "unsubscribed", channel: CHANNEL, code: 103 });
  await turnOfTheLoop();
  assert.equal(collection.state, "failed");
  assert.equal(collection.error.code, 103);
});

test("a closed list is silent, and its channel is left", async () => {
  const { connection, collection } = open();
  connection.begin(CHANNEL, 1);
  const { say } = await asked();
  collection.close();
  say({ items: [{ id: 1 }], position: at(1) });
  await turnOfTheLoop();
  connection.publish(CHANNEL, 2, { item: { id: 2 } });
  assert.deepEqual(collection.items, []);
  assert.equal(connection.subscribed.size, 0);
});

/** Numbers that look random, the same for the same seed. */
function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/**
 * A server with a table and the channel of its changes. Each publication reaches the connection late, twice or never, and
 * the connection breaks; what is kept of the history may be short, and may begin anew.
 */
class Server {
  rows = new Map();
  log = [];
  kept = 0;
  epoch = 1;
  onTheWay = [];

  constructor(connection, random) {
    this.connection = connection;
    this.random = random;
  }

  get position() {
    return at(this.log.length, `e${this.epoch}`);
  }

  write() {
    const id = this.random(6);
    let data = { removed: id };
    if (this.random(4)) {
      data = { item: { id, version: this.log.length + 1 } };
      this.rows.set(id, data.item);
    } else this.rows.delete(id);
    this.log.push(data);
    const copies = this.random(5) ? 1 + (this.random(6) === 0) : 0;
    for (let copy = 0; copy < copies; copy++) this.onTheWay.push({ offset: this.log.length, data });
  }

  deliver() {
    const [found] = this.onTheWay.splice(this.random(this.onTheWay.length), 1);
    if (found) this.connection.publish(CHANNEL, found.offset, found.data);
  }

  reconnect() {
    this.onTheWay = [];
    this.connection.become("reconnecting");
    this.connection.become("connected");
    this.begin();
  }

  begin() {
    this.connection.begin(CHANNEL, this.log.length, `e${this.epoch}`);
  }

  forget() {
    this.kept = this.log.length;
  }

  startAnew() {
    this.epoch += 1;
    this.log = [];
    this.kept = 0;
    this.onTheWay = [];
    this.begin();
  }

  answerHistory() {
    const [found] = this.connection.asked.splice(0, 1);
    if (!found) return;
    const { epoch, offset } = found.question.since;
    if (this.random(8) === 0) found.fail(1, true);
    else if (epoch !== `e${this.epoch}` || offset < this.kept) found.fail(112);
    else {
      const publications = this.log
        .slice(offset, offset + 3)
        .map((data, place) => ({ data, offset: offset + place + 1 }));
      found.answer({ publications, ...this.position });
    }
  }

  answerList() {
    const found = answers.shift();
    if (!found) return;
    if (this.random(8) === 0) found.fail();
    else found.say({ items: [...this.rows.values()], position: this.position });
  }
}

const sorted = (items) => [...items].sort((a, b) => a.id - b.id);

for (let seed = 1; seed <= 150; seed++) {
  test(`the list becomes the table whatever happens on the way, seed ${seed}`, async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const random = numbers(seed);
    const connection = new ScriptedConnection();
    const server = new Server(connection, random);
    for (let count = random(8); count; count--) server.write();
    /** What was applied since the list was loaded. */
    let applied = [];
    const collection = new Collection(connection, "/orders.json", {
      channel: CHANNEL,
      apply: (items, data) => {
        applied.push(data);
        const left = items.filter((item) => item.id !== (data.removed ?? data.item.id));
        return data.item ? [...left, data.item] : left;
      },
    });
    let loaded = null;
    Object.defineProperty(collection, "state", {
      get: () => loaded,
      set: (state) => {
        loaded = state;
        if (state === "ready") applied = [];
      },
    });
    collection.start();
    server.begin();
    const settle = async () => {
      for (let turn = 0; turn < 12; turn++) await Promise.resolve();
    };
    const steps = [
      () => server.write(),
      () => server.write(),
      () => server.deliver(),
      () => server.deliver(),
      () => server.deliver(),
      () => server.answerHistory(),
      () => server.answerList(),
      () => random(4) || server.reconnect(),
      () => random(12) || server.forget(),
      () => random(25) || server.startAnew(),
      () => context.mock.timers.tick(20_000),
    ];
    for (let step = 0; step < 150; step++) {
      steps[random(steps.length)]();
      await settle();
      assert.equal(new Set(applied).size, applied.length, "a publication was applied twice");
    }
    // From here on nothing goes wrong any more.
    server.random = (below) => below - 1;
    server.reconnect();
    for (let turn = 0; turn < 60; turn++) {
      server.answerHistory();
      server.answerList();
      await settle();
      context.mock.timers.tick(20_000);
      await settle();
    }
    assert.equal(collection.state, "ready");
    assert.deepEqual(sorted(collection.items), sorted(server.rows.values()));
    const end = server.log.length;
    assert.deepEqual(applied, server.log.slice(end - applied.length), "publications are missing between two applied");
  });
}
