/** The shop: `node server.mjs`. */

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import process from "node:process";

import { know, notify, POLICY, positionOf, publish, tokenFor } from "./hub.mjs";

const { HUB_URL, PORT } = process.env;

const TYPES = { css: "text/css", js: "text/javascript" };
const page = (name) => readFileSync(new URL(`pages/${name}`, import.meta.url), "utf8");
const TEXTS = JSON.parse(page("texts.json"));

const CHANNEL = "orders:all";

const orders = [
  { number: 1042, customer: "Okonkwo & Sons", state: "packed" },
  { number: 1043, customer: "Atelier Lindqvist", state: "waiting" },
];

/** Who is logged in, by the cookie of the shop. */
const sessions = new Map();

function personOf(request) {
  const found = /(?:^|; )shop=([\w-]+)/.exec(request.headers.cookie ?? "");
  return sessions.get(found?.[1]) ?? null;
}

const routes = {
  "GET /": (request, response, { searchParams }) => {
    const language = searchParams.get("language") === "ru" ? "ru" : "en";
    const filled = { ...TEXTS[language], hub: HUB_URL, language, person: personOf(request)?.name ?? "" };
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.setHeader(
      "content-security-policy",
      "default-src 'none'; style-src 'self'; img-src 'self'; require-trusted-types-for 'script'; " +
        `script-src 'self' ${POLICY.script}; connect-src 'self' ${POLICY.connect}`,
    );
    response.end(page("orders.html").replace(/\{\{(\w+)\}\}/g, (_, name) => filled[name].replaceAll("<", "&lt;")));
  },

  // The shop of the tests believes everybody.
  "GET /log-in": async (_, response, { searchParams }) => {
    const session = randomUUID();
    const person = { id: searchParams.get("id"), name: searchParams.get("name") };
    await know(person);
    sessions.set(session, person);
    response.setHeader("set-cookie", `shop=${session}; HttpOnly; SameSite=Lax; Path=/`);
    response.writeHead(303, { location: "/" }).end();
  },

  "GET /favicon.ico": (_, response) => response.writeHead(204).end(),

  "GET /hub-token": (request, response) => {
    const person = personOf(request);
    if (person) response.setHeader("cache-control", "no-store").end(tokenFor(person));
    else response.writeHead(401).end();
  },

  "GET /orders.json": async (_, response) => {
    const position = await positionOf(CHANNEL); // before the orders are read
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ items: orders, position }));
  },

  "POST /ship": async (request, response) => {
    const person = personOf(request);
    if (!person) return response.writeHead(401).end();
    const words = request.headers["accept-language"]?.startsWith("ru") ? TEXTS.ru : TEXTS.en;
    orders[0].state = "sent";
    await publish(CHANNEL, { type: "shop.order_changed", item: orders[0] });
    await notify(person, { title: words.shipped, message: words.onItsWay, level: "success", url: "/?order=1042" });
    response.writeHead(204).end();
  },
};

for (const name of ["shop.css", "orders.js", "own-token.js"]) {
  routes[`GET /${name}`] = (_, response) => {
    response.setHeader("content-type", TYPES[name.split(".").at(-1)]);
    response.end(page(name).replaceAll("{{hub}}", HUB_URL));
  };
}

createServer(async (request, response) => {
  const address = new URL(request.url, `http://${request.headers.host}`);
  const answer = routes[`${request.method} ${address.pathname}`];
  try {
    if (answer) await answer(request, response, address);
    else response.writeHead(404).end();
  } catch (error) {
    console.error(error);
    response.writeHead(502).end();
  }
}).listen(Number(PORT), "localhost");
