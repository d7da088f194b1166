/** `<hub-inbox>`: the list of a person's alerts, with the number of unread ones and a button for older ones. */

import { InboxView } from "../hub/inbox-view.js";
import { refusal } from "../refusals.js";
import { openBundle, showChosenInBundle } from "./bundle.js";
import { icon, make, plural, reconcile, text } from "./dom.js";
import { define, HubElement } from "./element.js";
import { InboxBar } from "./inbox-bar.js";
import { keysDialog, listenToKeys } from "./inbox-keys.js";
import { inboxRow, updateRow } from "./inbox-row.js";
import { STYLES } from "./inbox-styles.js";
import { MuteMenu } from "./mute-menu.js";
import { alertTools, awayFrom, Organizer } from "./organizer.js";
import { SeenWatch } from "./seen-watch.js";
import { reloadLink, shownUnread } from "./unread.js";

/** @import { Alert, Change } from "../hub/alerts.js" */
/** @import { CallFailed } from "../hub/connection.js" */
/** @import { List } from "./inbox-row.js" */

/** Texts of an empty list, by its state. @type {{[state: string]: [string, string]}} */
const EMPTY = {
  all: ["no_alerts", "no_alerts_yet"],
  unread: ["no_unread", "no_unread_yet"],
  archived: ["no_archived", "no_archived_yet"],
  snoozed: ["no_snoozed", "no_snoozed_yet"],
};

/**
 * Attributes: `label` names the list for screen readers; `compact` is for narrow places; `silent` stops announcements
 * of new alerts, for pages on which another widget makes them; `tabs` makes it a whole inbox, with archive, search and
 * keys, for a page that is there for it; `address` is the parameter of the page's address that then names the tab.
 */
export class HubInbox extends HubElement {
  #count = make("p", { class: "count", part: "count" });
  #markAll = make("button", { type: "button", class: "quiet", part: "mark-all" });
  #list = make("ol", { class: "list", part: "list", id: "inbox-list" });
  #more = make("button", { type: "button", class: "more", part: "more" });
  #empty = make("div", { class: "empty", part: "empty" });
  #spinner = make("div", { class: "spinner", role: "img" });
  #stale = make("p", { class: "banner", role: "alert", part: "stale" });
  #problem = make("p", { class: "problem", role: "alert", part: "problem" });
  #news = make("p", { class: "visually-hidden", role: "status" });
  /** @type {WeakSet<Alert>} */
  #arrived = new WeakSet();
  /** Set while it is connected. @type {Organizer | null} */
  #organizer = null;
  /** Set while it is connected. @type {MuteMenu | null} */
  #mutes = null;
  /** Set where the person can have seen something. @type {SeenWatch | null} */
  #seen = null;
  /** Set where it has tabs. @type {InboxBar | null} */
  #bar = null;
  /** What is listed, if that is not the inbox as it is. @type {InboxView | null} */
  #view = null;
  /** @type {Set<number>} */
  #picked = new Set();
  #pickAll = make("input", { type: "checkbox" });
  /** The ids of the bundles that are open. @type {Set<number>} */
  #open = new Set();
  /** Buttons for what is picked, or for all. */
  #bulk = make("div", { class: "bulk" });
  #offline = make("p", { class: "banner", role: "status", part: "offline" });

  constructor() {
    super(STYLES);
    this.#markAll.addEventListener("click", () => this.#organizer?.doAll("read"));
    this.#more.addEventListener("click", () => this.#older());
    this.#list.addEventListener("keydown", (event) => this.#move(event));
    this.#pickAll.addEventListener("change", () => this.#pickEach(this.#pickAll.checked));
  }

  connected() {
    const { inbox } = this.hub;
    this.#markAll.replaceChildren(text("mark_all"));
    this.#more.replaceChildren(text("older"));
    this.#spinner.ariaLabel = text("loading");
    this.#offline.textContent = text("offline");
    this.#list.ariaLabel = this.getAttribute("label") || text("alerts");
    const bar = make("div", { class: "bar", part: "bar" }, this.#count, this.#markAll);
    this.root.append(bar, this.#offline, this.#stale, this.#problem, this.#spinner, this.#list, this.#empty);
    this.root.append(this.#more, this.#news);
    this.#organizer = new Organizer(this.root, inbox);
    const organizer = this.#organizer;
    this.#mutes = new MuteMenu(
      this.root,
      this.hub,
      (sentence, undo) => organizer.offer(sentence, undo),
      (error) => this.#showError(error),
    );
    this.#seen = inbox.signedIn ? new SeenWatch((ids) => inbox.change("seen", ids)) : null;
    this.stops.push(
      inbox.on("change", () => this.changed()),
      inbox.on("alert", (alert) => this.#arrive(alert)),
      inbox.on("failed", (error, name) => this.#showError(error, name)),
      inbox.on("chosen", (event) => this.#showChosen(event)),
      this.hub.on("state", () => this.changed()),
      this.hub.choices.on("change", () => this.changed()),
      () => this.#seen?.close(),
      () => this.#show(null),
    );
    this.#bar = null;
    if (this.hasAttribute("tabs") && inbox.signedIn) this.#addTabs(bar);
    inbox.start();
    this.render();
  }

  /** Leaves it to the widget that announces. @param {string} sentence */
  showFault(sentence) {
    super.showFault(this.hasAttribute("silent") ? "" : sentence);
  }

  /** What is listed. */
  get #source() {
    return this.#view ?? this.hub.inbox;
  }

  /** @param {HTMLElement} bar */
  #addTabs(bar) {
    const { inbox } = this.hub;
    const bars = new InboxBar(() => this.#choose(), this.getAttribute("address") ?? "");
    this.#bar = bars;
    const help = make(
      "button",
      { type: "button", class: "quiet keys-button", "aria-label": text("keys"), title: text("keys") },
      "?",
    );
    const keys = keysDialog();
    help.addEventListener("click", () => keys.showModal());
    this.#pickAll.ariaLabel = text("select_all");
    bar.prepend(make("label", { class: "pick" }, this.#pickAll));
    bar.append(this.#bulk, help);
    this.root.prepend(this.#bar.element, this.#bar.filters());
    this.root.append(keys);
    const older = new IntersectionObserver(([entry]) => entry.isIntersecting && this.#older(), {
      rootMargin: "200px",
    });
    older.observe(this.#more);
    this.stops.push(
      listenToKeys((key) => this.#onKey(key, keys)),
      () => older.disconnect(),
      bars.follow(),
    );
    bars.showTab();
    if (bars.isFiltered) this.#choose();
    inbox.count();
    this.#bar.showCategories(inbox);
  }

  /** Lists what the tabs say. */
  #choose() {
    this.#picked.clear();
    const filter = this.#bar?.isFiltered ? this.#bar.filter : null;
    this.#show(filter && new InboxView(this.hub.inbox, filter));
    this.render();
  }

  /** @param {InboxView | null} view */
  #show(view) {
    this.#view?.close();
    this.#view = view;
    // What is the same alert in two lists has other buttons in each.
    this.#list.replaceChildren();
    view?.on("change", () => this.changed());
  }

  render() {
    const { inbox } = this.hub;
    const source = this.#source;
    const loaded = source.state === "ready" || source.items.length > 0;
    this.#spinner.hidden = loaded || source.state === "failed";
    this.#offline.hidden = !this.#bar || this.hub.state === "connected" || !loaded;
    this.#showRefusal();
    this.#showEmpty();
    this.#more.hidden = !source.more;
    this.#count.hidden = !inbox.signedIn || !inbox.items.length;
    this.#count.classList.toggle("some", inbox.unread > 0);
    this.#count.textContent = inbox.unread
      ? plural("unread_short", inbox.unread, shownUnread(inbox.unread))
      : text("all_read");
    // What is archived or snoozed is read: the button would mark alerts of another tab.
    const isOfTab = !this.#bar || (!this.#bar.isSearch && !["archived", "snoozed"].includes(this.#bar.filter.state));
    this.#markAll.hidden = !inbox.signedIn || !inbox.unread || !isOfTab;
    reconcile(
      this.#list,
      source.items,
      (alert) => String(alert.id),
      (alert) => this.#build(alert),
      (element, alert) => this.#update(element, alert),
    );
    if (!this.#list.querySelector("li[tabindex='0']")) this.#list.querySelector("li")?.setAttribute("tabindex", "0");
    this.#showTabs();
  }

  #showEmpty() {
    const { state, items, more: isMore } = this.#source;
    // A search goes on behind the part that it has looked at: until its end nobody knows that nothing is found.
    this.#empty.hidden = state !== "ready" || items.length > 0 || isMore;
    if (this.#empty.hidden) return;
    const [title, more] = this.#bar?.isSearch
      ? ["nothing_found", "search_elsewhere"]
      : EMPTY[this.#bar?.filter.state ?? "all"];
    this.#empty.replaceChildren(icon("bell"), make("h2", {}, text(title)));
    if (more) this.#empty.append(make("p", {}, text(more)));
    if (!this.#view) this.#empty.append(make("slot", { name: "empty" }));
  }

  /** Shows the counts of the tabs, and what can be done with what is picked. */
  #showTabs() {
    if (!this.#bar) return;
    this.#bar.showCounts(this.hub.inbox);
    const { items } = this.#source;
    const known = new Set(items.map((item) => item.id));
    for (const id of this.#picked) if (!known.has(id)) this.#picked.delete(id);
    const count = this.#picked.size;
    this.#pickAll.checked = count > 0 && count === items.length;
    this.#pickAll.indeterminate = count > 0 && count < items.length;
    /** @type {HTMLElement} */ (this.#pickAll.parentElement).hidden = !items.length;
    if (count) {
      this.#count.hidden = false;
      this.#count.textContent = plural("selected", count);
      this.#markAll.hidden = true;
    }
    const kind = `${this.#bar.filter.state} ${count > 0} ${items.some((item) => item.read)}`;
    if (this.#bulk.dataset.kind === kind) return;
    this.#bulk.dataset.kind = kind;
    this.#bulk.replaceChildren(...(count ? this.#bulkButtons() : this.#allButtons()));
  }

  #bulkButtons() {
    const state = this.#bar?.filter.state ?? "all";
    const read = make(
      "button",
      { type: "button", class: "quiet round", title: text("mark"), "aria-label": text("mark") },
      icon("check"),
    );
    read.addEventListener("click", () => this.#do("read", this.#chosen(), read));
    return [read, ...alertTools(state, (change, opener) => this.#do(change, this.#chosen(), opener))];
  }

  #allButtons() {
    if (this.#bar?.filter.state !== "all" || this.#bar.isSearch || !this.#source.items.some((item) => item.read))
      return [];
    const button = make("button", { type: "button", class: "quiet", part: "archive-read" }, text("archive_read"));
    button.addEventListener("click", () => this.#organizer?.doAll("archive_read"));
    return [button];
  }

  /** @returns {List} */
  get #rows() {
    return {
      hub: this.hub,
      state: this.#bar?.filter.state ?? "all",
      hasBoxes: this.#bar !== null,
      open: this.#open,
      read: (alert, button, item) => {
        item.focus();
        if (this.#bar) this.#do("read", [alert], button);
        else this.hub.inbox.markRead([alert.id]);
      },
      act: (change, alert, opener) => this.#do(change, [alert], opener),
      mute: (alert, opener) => this.#mutes?.open(alert, opener),
      pick: (id, isPicked) => this.#pickOne(id, isPicked),
      focus: (item) => this.#makeTabStop(item),
    };
  }

  /** @param {Alert} alert */
  #build(alert) {
    const item = inboxRow(alert, this.#rows);
    item.classList.toggle("new", this.#arrived.has(alert));
    if (!alert.read && !alert.seen) this.#seen?.watch(item);
    return item;
  }

  /**
   * @param {number} id
   * @param {boolean} isPicked
   */
  #pickOne(id, isPicked) {
    if (isPicked) this.#picked.add(id);
    else this.#picked.delete(id);
    this.render();
  }

  /** @param {boolean} isPicked */
  #pickEach(isPicked) {
    this.#picked = new Set(isPicked ? this.#source.items.map((item) => item.id) : []);
    this.render();
  }

  /**
   * @param {HTMLElement} item
   * @param {Alert} alert
   */
  #update(item, alert) {
    updateRow(item, alert, this.#rows);
    if (!this.#bar) return;
    const isPicked = this.#picked.has(alert.id);
    item.classList.toggle("picked", isPicked);
    /** @type {HTMLInputElement} */ (item.querySelector(".pick input")).checked = isPicked;
  }

  /** @param {{id: number, action: string}} event */
  #showChosen({ id, action }) {
    for (const alert of this.#source.items) if (alert.id === id) alert.chosen = action;
    showChosenInBundle(this.#list, id, action);
    this.changed();
  }

  /** What is picked, or else what has the focus. */
  #chosen() {
    return this.#picked.size ? this.#source.items.filter((item) => this.#picked.has(item.id)) : this.#focused();
  }

  /**
   * @param {Change} change
   * @param {Alert[]} alerts
   * @param {HTMLElement} opener
   */
  #do(change, alerts, opener) {
    if (!alerts.length) return;
    const ids = new Set(alerts.map(({ id }) => String(id)));
    const items = /** @type {HTMLElement[]} */ ([...this.#list.children]);
    const hadFocus = items.some((item) => ids.has(item.dataset.key ?? "") && item.contains(this.root.activeElement));
    const last = items.findLastIndex((item) => ids.has(item.dataset.key ?? ""));
    const next = items.slice(last + 1).find((item) => !ids.has(item.dataset.key ?? "")) ?? items[last - 1];
    this.#picked.clear();
    this.#organizer?.do(change, alerts, opener);
    // Where the alert leaves the list, the focus goes to the next one.
    this.render();
    if (hadFocus && !this.root.activeElement && next?.isConnected) next.focus();
  }

  /**
   * @param {string} key
   * @param {HTMLDialogElement} help
   * @returns {boolean} whether it does something
   */
  #onKey(key, help) {
    const chosen = this.#chosen();
    switch (key) {
      case "j":
      case "k":
        this.#step(key === "j" ? 1 : -1);
        return true;
      case "e":
        this.#do(awayFrom(this.#bar?.filter.state ?? "all"), chosen, this);
        return true;
      case "r":
        this.#do(chosen.some((alert) => !alert.read) ? "read" : "unread", chosen, this);
        return true;
      case "s":
        this.#do("snooze", chosen, this.#opener("snooze"));
        return true;
      case "m": {
        const [alert] = this.#focused();
        if (alert && this.hub.choices.canMute(alert)) this.#mutes?.open(alert, this.#opener("mute"));
        return true;
      }
      case "x":
        for (const { id } of this.#focused()) this.#pickOne(id, !this.#picked.has(id));
        return true;
      case "u":
        this.#organizer?.undo();
        return true;
      case "/":
        this.#bar?.focusSearch();
        return true;
      case "?":
        help.showModal();
        return true;
      default:
        return false;
    }
  }

  #focused() {
    const item = /** @type {HTMLElement | null | undefined} */ (this.root.activeElement?.closest(".list > li"));
    return this.#source.items.filter(({ id }) => String(id) === item?.dataset.key);
  }

  /**
   * @param {"snooze" | "mute"} tool
   * @returns {HTMLElement} beside what its menu opens
   */
  #opener(tool) {
    const item = this.root.activeElement?.closest(".list > li");
    const selector = tool === "mute" ? ".alert-end > .mute" : "[data-change='snooze']";
    return item?.querySelector(selector) ?? this.#bulk;
  }

  /** @param {number} step */
  #step(step) {
    const items = /** @type {HTMLElement[]} */ ([...this.#list.children]);
    const place = items.findIndex((item) => item.contains(this.root.activeElement));
    const next = items[place < 0 ? 0 : place + step];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }

  /** @param {HTMLElement} item */
  #makeTabStop(item) {
    for (const other of this.#list.children) /** @type {HTMLElement} */ (other).tabIndex = other === item ? 0 : -1;
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const items = /** @type {HTMLElement[]} */ ([...this.#list.children]);
    const place = items.findIndex((item) => item.contains(/** @type {Node} */ (event.target)));
    const item = items[place];
    switch (event.key) {
      case "ArrowDown":
        if (place === items.length - 1 && this.#source.more) this.#older();
        items[place + 1]?.focus();
        break;
      case "ArrowUp":
        items[place - 1]?.focus();
        break;
      case "ArrowRight":
      case "ArrowLeft":
        if (event.target !== item || !openBundle(item, event.key === "ArrowRight")) return;
        break;
      case "Home":
        items[0]?.focus();
        break;
      case "End":
        items.at(-1)?.focus();
        break;
      case "Enter":
        if (event.target !== item) return;
        this.hub.inbox.markRead([Number(item.dataset.key)]);
        item.querySelector("a")?.click();
        break;
      default:
        return;
    }
    event.preventDefault();
  }

  async #older() {
    this.#more.disabled = true;
    const last = this.#list.lastElementChild;
    const hadFocus = this.root.activeElement === this.#more;
    await this.#source.older();
    this.#more.disabled = false;
    this.render();
    if (hadFocus && last?.nextElementSibling instanceof HTMLElement) last.nextElementSibling.focus();
  }

  /** @param {Alert} alert */
  #arrive(alert) {
    this.#arrived.add(alert);
    this.#problem.textContent = "";
    if (!this.hasAttribute("silent") && !alert.silent) {
      this.#news.textContent = text("new_alert", { text: [alert.title, alert.message].filter(Boolean).join(": ") });
    }
  }

  /**
   * @param {CallFailed} error
   * @param {string} [name] of a text that says more
   */
  #showError(error, name) {
    this.#problem.textContent = name ? text(name) : refusal(error, this.hub, text("not_marked"));
  }

  /** Shows why the list could not be loaded. */
  #showRefusal() {
    const { state, error } = this.#source;
    this.#stale.hidden = state !== "failed";
    if (!error || this.#stale.hidden) return;
    this.#stale.replaceChildren(
      refusal(error, this.hub, text("stale")),
      this.#view ? this.#retry(this.#view) : reloadLink(),
    );
  }

  /** @param {InboxView} view */
  #retry(view) {
    const button = make("button", { type: "button", class: "quiet" }, text("retry"));
    button.addEventListener("click", () => view.retry());
    return button;
  }
}

define("hub-inbox", HubInbox);
