/** In the place of `data-token-url`: the page fetches tokens itself. */

import { configure, ready } from "{{hub}}/widgets.js";

configure({
  getToken: async () => (await fetch("/hub-token?by=own-code")).text(),
});

const hub = await ready();
document.title = `${hub.user.name} is connected`;
