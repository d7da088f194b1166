#!/usr/bin/env node
// Builds static/hub/built/widgets.js of static/hub/js/embedded.js: one module with the client library, the design tokens
// and the icons in it, for pages of other origins. `make run`, `make package` and the image call it.

import { mkdir, readFile, rename, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

import { build, transform } from "esbuild";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const target = path.join(root, "static/hub/built/widgets.js");

/** The client library as npm has it; pages that load the modules themselves have its script for browsers. */
const library = {
  name: "library",
  setup({ onLoad }) {
    onLoad({ filter: /\/js\/hub\/centrifuge\.js$/ }, () => ({
      contents: 'export { Centrifuge } from "centrifuge";',
      resolveDir: root,
    }));
  },
};

const assets = {
  name: "assets",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path: file }) => {
      const { code } = await transform(await readFile(file, "utf8"), { loader: "css", minifyWhitespace: true });
      return { contents: code, loader: "text" };
    });
    onLoad({ filter: /icons\.svg$/ }, async ({ path: file }) => ({
      contents: JSON.stringify(drawings(await readFile(file, "utf8"))),
      loader: "json",
    }));
  },
};

/** The shapes of each `<symbol>`, so that no page has to parse markup. */
function drawings(svg) {
  const found = {};
  for (const [, head, body] of svg.matchAll(/<symbol ([^>]*)>(.*?)<\/symbol>/gs)) {
    const { id, ...attributes } = attributesOf(head);
    const shapes = [...body.matchAll(/<(\w+) ([^>]*?)\/>/g)];
    found[id] = { attributes, shapes: shapes.map(([, tag, of]) => ({ tag, attributes: attributesOf(of) })) };
  }
  return found;
}

function attributesOf(text) {
  return Object.fromEntries([...text.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
}

const built = await build({
  absWorkingDir: root,
  entryPoints: ["static/hub/js/embedded.js"],
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2022",
  legalComments: "inline",
  charset: "utf8",
  banner: {
    js: "/*! With centrifuge, the client library of the protocol. MIT License, Copyright (c) 2023 Centrifugal Labs LTD. */",
  },
  plugins: [library, assets],
  write: false,
  logLevel: "warning",
});
const { contents } = built.outputFiles[0];
const isThere = await readFile(target).then(
  (kept) => kept.equals(contents),
  () => false,
);
if (isThere) {
  // Nothing is written beside it: whoever puts the folder into a package meanwhile would find a file that goes again.
  const now = new Date();
  await utimes(target, now, now);
} else {
  // Renamed into place: whoever reads it meanwhile has the old one whole, or the new one.
  await mkdir(path.dirname(target), { recursive: true });
  await writeFile(`${target}.${process.pid}`, contents);
  await rename(`${target}.${process.pid}`, target);
}
