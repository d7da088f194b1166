/** What the shop does with the hub: it signs tokens for its people, and sends alerts and changes over HTTP. */

import { createHmac } from "node:crypto";
import process from "node:process";

const { HUB_URL, HUB_TOKEN_SECRET, HUB_API_KEY, TOKEN_SECONDS = "600" } = process.env;

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token with which the widgets on this person's pages connect. */
export function tokenFor(person) {
  const now = Math.floor(Date.now() / 1_000);
  const claims = { sub: person.id, name: person.name, iat: now, exp: now + Number(TOKEN_SECONDS) };
  const signed = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded(claims)}`;
  return `${signed}.${createHmac("sha256", HUB_TOKEN_SECRET).update(signed).digest("base64url")}`;
}

async function call(method, request) {
  const response = await fetch(`${HUB_URL}/api/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": HUB_API_KEY },
    body: JSON.stringify(request),
  });
  const { error, result } = await response.json();
  if (error) throw new Error(`The hub refuses ${method}: ${error.message}`);
  return result;
}

/** Tells the hub of a person, or what is new of one. */
export const know = ({ id, name }) => call("users", { users: [{ id, name }] });

/** Sends an alert to one person. Returns when the hub has stored it. */
export const notify = (person, alert) => call("notify", { to: person.id, ...alert });

/** Tells every page that follows the channel. */
export const publish = (channel, data) => call("publish", { channel, data });

/** Where the channel stands: what a page needs to join a list and what the channel publishes after it. */
export async function positionOf(channel) {
  const { epoch, offset } = await call("history", { channel });
  return { epoch, offset };
}

/** What the browser of a page with widgets may load and call, for its Content-Security-Policy. */
export const POLICY = { script: HUB_URL, connect: `${HUB_URL} ${HUB_URL.replace("http", "ws")}` };
