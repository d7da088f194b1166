/** What `tools/bundle.mjs` makes of files that are no modules. */

declare module "*.css" {
  const css: string;
  export default css;
}

declare module "*.svg" {
  const drawings: { [name: string]: import("../components/icons.js").Drawing };
  export default drawings;
}
