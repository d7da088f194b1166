/** Wraps the client library from npm as a module: its browser build is a script that sets a global. */

/** @import { Centrifuge as CentrifugeClient } from "centrifuge" */

import "../../vendor/centrifuge/centrifuge.js";

export const Centrifuge = /** @type {{Centrifuge: typeof CentrifugeClient}} */ (/** @type {unknown} */ (globalThis))
  .Centrifuge;
