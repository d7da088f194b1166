/** Defines the widgets. The template tag `hub_scripts` loads this module. */

import "./components/bell.js";
import "./components/chat.js";
import "./components/inbox.js";
import "./components/jobs.js";
import "./components/online.js";
import "./components/preferences.js";
import "./components/toasts.js";
