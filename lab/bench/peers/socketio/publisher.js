// Another process of the same application: it has no clients and emits through the Redis adapter. Answers the
// commands of lab/bench/processes.py: a line of JSON in, a line of JSON out.
import { createInterface } from "node:readline";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const MARK = "^~"; // as in lab/bench/frames.py

const publisher = createClient({ socket: { path: process.argv[2] } });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);
const io = new Server({ adapter: createAdapter(publisher, subscriber) });

const now = () => Number(process.hrtime.bigint()); // CLOCK_MONOTONIC, as time.monotonic_ns() in Python

function burst({ count, size }) {
  const text = MARK + "x".repeat(size - MARK.length);
  const began = now();
  for (let sent = 0; sent < count; sent++) io.emit("message", text);
  return { began, ended: now() };
}

const commands = { ready: () => null, burst, one: ({ size }) => burst({ count: 1, size }) };

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...rest } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify({ result: commands[name](rest) })}\n`);
}
process.exit();
