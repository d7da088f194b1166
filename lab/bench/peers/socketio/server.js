// What is measured: socket.io with its Redis adapter, one process. Everyone is in the default namespace.
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const [port, path] = process.argv.slice(2);
const publisher = createClient({ socket: { path } });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);

const http = createServer();
new Server(http, { adapter: createAdapter(publisher, subscriber), transports: ["websocket"] });
http.listen({ host: "127.0.0.1", port: Number(port), backlog: 4096 });
