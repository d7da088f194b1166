// The JavaScript client of the protocol, driven by a test: one JSON command a line in, one JSON event a line out.
//
// node client.mjs '{"transport": "websocket", "address": "127.0.0.1:8000", "cookie": "hub_session=…", "options": {}}'

import { createInterface } from "node:readline";
import { EventSource } from "eventsource";
import WebSocket from "ws";

const {
  transport,
  address,
  emulation = address,
  cookie = "",
  tokens = null,
  protobuf = false,
  options = {},
} = JSON.parse(process.argv[2]);

const { Centrifuge } = await import(protobuf ? "centrifuge/build/protobuf" : "centrifuge");

// In Protobuf the library has bytes where it has values in JSON.
const value = (_, found) => (found instanceof Uint8Array ? JSON.parse(new TextDecoder().decode(found)) : found);
const bytes = (data) => (protobuf ? new TextEncoder().encode(JSON.stringify(data)) : data);

const say = (event) => process.stdout.write(`${JSON.stringify(event, value)}\n`);
const headers = cookie ? { Cookie: cookie } : {};

class SignedInSocket extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { headers });
  }
}

const signedInFetch = (url, init = {}) => {
  const target = String(url).startsWith("/") ? `http://${emulation}${url}` : url;
  return fetch(target, { ...init, credentials: undefined, headers: { ...init.headers, ...headers } });
};

class SignedInEventSource extends EventSource {
  constructor(url) {
    super(url, { fetch: signedInFetch });
  }
}

const endpoints = {
  websocket: `ws://${address}/connection/websocket`,
  http_stream: `http://${address}/connection/http_stream`,
  sse: `http://${address}/connection/sse`,
};

const client = new Centrifuge([{ transport, endpoint: endpoints[transport] }], {
  websocket: SignedInSocket,
  fetch: signedInFetch,
  eventsource: SignedInEventSource,
  minReconnectDelay: 50,
  maxReconnectDelay: 200,
  ...(tokens ? { getToken: async () => tokens.shift() ?? "" } : {}),
  ...options,
});

for (const name of ["connecting", "connected", "disconnected", "subscribed", "unsubscribed", "publication", "message"]) {
  client.on(name, (context) => say({ ...context, event: name }));
}
client.on("error", (context) => say({ event: "error", code: context.error?.code, message: context.error?.message }));

const subscriptions = new Map();

const commands = {
  connect: () => client.connect(),
  disconnect: () => client.disconnect(),
  subscribe: ({ channel, options: wanted = {} }) => {
    const subscription = client.newSubscription(channel, { minResubscribeDelay: 50, ...wanted });
    subscriptions.set(channel, subscription);
    for (const name of ["subscribing", "subscribed", "unsubscribed", "publication", "join", "leave"]) {
      subscription.on(name, (context) => say({ ...context, event: `${channel} ${name}` }));
    }
    subscription.on("error", (context) => say({ event: `${channel} error`, code: context.error.code }));
    subscription.subscribe();
  },
  unsubscribe: ({ channel }) => subscriptions.get(channel).unsubscribe(),
  publish: ({ channel, data }) => client.publish(channel, bytes(data)),
  presence: ({ channel }) => client.presence(channel),
  presenceStats: ({ channel }) => client.presenceStats(channel),
  history: ({ channel, options: wanted = {} }) => client.history(channel, wanted),
  rpc: ({ method, data }) => client.rpc(method, bytes(data)),
  send: ({ data }) => client.send(bytes(data)),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, ...command } = JSON.parse(line);
  Promise.resolve()
    .then(() => commands[command.do](command))
    .then(
      (result) => say({ event: "done", id, result: result ?? null }),
      (error) => say({ event: "done", id, error: error.code ?? String(error) }),
    );
}
process.exit(0);
