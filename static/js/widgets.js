/** Makes the widgets known to the page: what the template tag `hub_scripts` loads. */

import "./components/bell.js";
import "./components/chat.js";
import "./components/inbox.js";
import "./components/online.js";
import "./components/toasts.js";
