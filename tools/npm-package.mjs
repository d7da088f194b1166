#!/usr/bin/env node
// Makes the npm package of hub.js: copies the modules of static/hub/js and the hooks of clients/javascript/src into
// clients/javascript/dist, or into the folder that is named, and writes their TypeScript declarations. `npm pack` does
// the rest.

import { execFileSync } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const modules = path.join(root, "static/hub/js");
const client = path.join(root, "clients/javascript");
const folder = path.resolve(process.argv[2] ?? client);
const dist = path.join(folder, "dist");

/** For the widgets only. */
const WITHOUT = new Set(["page-state.js"]);

await rm(dist, { recursive: true, force: true });
await mkdir(path.join(dist, "hub"), { recursive: true });
if (folder !== client) {
  for (const name of ["package.json", "README.md"]) await cp(path.join(client, name), path.join(folder, name));
}
await cp(path.join(root, "LICENSE"), path.join(folder, "LICENSE"));
await cp(path.join(modules, "hub.js"), path.join(dist, "hub.js"));
for (const name of await readdir(path.join(modules, "hub"))) {
  if (!WITHOUT.has(name)) await cp(path.join(modules, "hub", name), path.join(dist, "hub", name));
}
// The library comes from npm too.
await writeFile(path.join(dist, "hub/centrifuge.js"), 'export { Centrifuge } from "centrifuge";\n');
for (const name of await readdir(path.join(client, "src")))
  await cp(path.join(client, "src", name), path.join(dist, name));

const tsc = path.join(root, "node_modules/.bin/tsc");
const paths = { "*": [`${root}/node_modules/@types/*`, `${root}/node_modules/*`] };
const project = path.join(folder, "tsconfig.json");
await writeFile(
  project,
  JSON.stringify({
    extends: path.join(root, "tsconfig.json"),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      rootDir: dist,
      outDir: dist,
      paths,
    },
    include: [`${dist}/**/*.js`],
    exclude: [],
  }),
);
try {
  execFileSync(tsc, ["--project", project], { stdio: "inherit" });
} finally {
  await rm(project);
}
const hooks = path.join(dist, "react.d.ts");
await writeFile(hooks, `/// <reference path="./react-elements.d.ts" />\n${await readFile(hooks, "utf8")}`);
