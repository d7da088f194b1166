/** What the shop does with the hub: it signs tokens for its people, and sends them alerts over HTTP. */

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

/** Sends an alert to one person. Returns when the hub has stored it. */
export async function notify(person, alert) {
  const response = await fetch(`${HUB_URL}/api/notify`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": HUB_API_KEY },
    body: JSON.stringify({ to: person.id, ...alert }),
  });
  const { error } = await response.json();
  if (error) throw new Error(`The hub refuses the alert: ${error.message}`);
}

/** What the browser of a page with widgets may load and call, for its Content-Security-Policy. */
export const POLICY = { script: HUB_URL, connect: `${HUB_URL} ${HUB_URL.replace("http", "ws")}` };
