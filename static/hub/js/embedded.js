/**
 * The widgets on pages of another origin than the hub's: the module from which `widgets.js` of the hub is built.
 *
 *     <script type="module" src="https://hub.example.com/widgets.js" data-token-url="/hub-token"></script>
 *     <hub-bell></hub-bell>
 */

// Holds the widgets back until the page has its configuration, so it comes before them.
import "./embedding/page.js";
import "./widgets.js";

export { configure, ready } from "./embedding/page.js";
export { CallFailed, NoToken } from "./hub.js";
