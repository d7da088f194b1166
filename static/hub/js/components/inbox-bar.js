/** The tabs of an inbox: where alerts are, and their categories; and what it is searched for. */

import { UNREAD_LIMIT } from "../hub/inbox-counts.js";
import { icon, make, text } from "./dom.js";

/** @import { Inbox } from "../hub/inbox.js" */
/** @import { Filter, State } from "../hub/inbox-view.js" */

/** @type {State[]} */
const TABS = ["unread", "all", "archived", "snoozed"];
const LEVELS = ["info", "success", "warning", "error", "debug"];
/** Milliseconds without a key after which a search begins. */
const CALM = 300;

export const STYLES = `
.tabs {
  display: flex; gap: 0 0.25rem; overflow-x: auto; scrollbar-width: none; overscroll-behavior-x: contain;
  border-block-end: 1px solid var(--hub-line);
}
.tabs button {
  flex: none; padding-inline: 0.75rem; border: 0; border-radius: 0; background: none; color: var(--hub-muted);
  border-block-end: 0.1875rem solid transparent;
}
.tabs button[aria-selected="true"] { color: var(--hub-ink); border-color: var(--hub-accent); }
.tabs button:focus-visible { outline-offset: -0.1875rem; }
@media (width < 34rem) {
  .tabs { gap: 0; }
  .tabs button { padding-inline: 0.4375rem; gap: 0.25rem; font-size: 0.9375rem; }
}
.tab-count {
  min-inline-size: 1.375rem; padding-inline: 0.375rem; font-size: 0.8125rem; line-height: 1.375rem; text-align: center;
  font-variant-numeric: tabular-nums; color: var(--hub-ink); background: var(--hub-sunken); border-radius: 99rem;
}
.tabs button[data-state="unread"] .tab-count { color: var(--hub-on-accent); background: var(--hub-accent); }
.categories { display: flex; flex-wrap: wrap; gap: 0.375rem; padding-block-start: 0.75rem; }
.categories[hidden] { display: none; }
.categories button { padding-inline: 0.875rem; border-radius: 99rem; font-weight: 500; }
.categories button[aria-pressed="true"] { color: var(--hub-on-accent); background: var(--hub-accent); border-color: transparent; }
.filters { display: flex; flex-wrap: wrap; gap: 0.5rem; }
.filters label { position: relative; display: flex; align-items: center; flex: 1 0 9rem; }
.filters .search { flex: 8 1 15rem; }
.filters .search .icon { position: absolute; inset-inline-start: 0.75rem; color: var(--hub-muted); pointer-events: none; }
.filters input, .filters select {
  min-block-size: var(--hub-touch); inline-size: 100%; padding: 0.25rem 0.75rem; font: inherit; color: var(--hub-ink);
  background: var(--hub-card); border: 1px solid var(--hub-control-line); border-radius: 0.625rem; color-scheme: inherit;
}
.filters .search input { padding-inline-start: 2.5rem; }
.filters ::placeholder { color: var(--hub-muted); opacity: 1; }
`;

export class InboxBar {
  element = make("div", { class: "inbox-bar", part: "tabs" });
  /** @type {Map<State, HTMLButtonElement>} */
  #tabs = new Map();
  #search = make("input", { type: "search", autocomplete: "off" });
  #level = make("select");
  #categories = make("div", { class: "categories", role: "group", hidden: true });
  /** By the name of a category, which is empty for all. @type {Map<string, HTMLButtonElement>} */
  #byCategory = new Map();
  #category = "";
  #timer = 0;
  /** @type {Filter} */
  filter = { state: "all" };
  #changed;

  #parameter;

  /**
   * @param {() => void} changed called when the filter is another one
   * @param {string} parameter of the page's address that names the tab; empty if the address stays as it is
   */
  constructor(changed, parameter) {
    this.#changed = changed;
    this.#parameter = parameter;
    const list = make("div", { class: "tabs", role: "tablist", "aria-label": text("alerts") });
    for (const state of TABS) list.append(this.#tab(state));
    list.addEventListener("keydown", (event) => this.#onKey(event));
    this.#categories.ariaLabel = text("category");
    this.element.append(list, this.#categories);
    this.select(this.#addressed());
  }

  /** Opens the tab of the address again, when the person goes back. @returns {() => void} stops it */
  follow() {
    const go = () => {
      if (this.#addressed() === this.filter.state) return;
      this.select(this.#addressed());
      this.#changed();
    };
    addEventListener("popstate", go);
    return () => {
      removeEventListener("popstate", go);
      clearTimeout(this.#timer); // nobody would close the list that it opens
    };
  }

  /** @returns {State} the tab that the address names */
  #addressed() {
    const said = this.#parameter && new URL(location.href).searchParams.get(this.#parameter);
    return TABS.find((state) => state === said) ?? "all";
  }

  /** @param {State} state */
  #address(state) {
    if (!this.#parameter) return;
    const url = new URL(location.href);
    if (state === "all") url.searchParams.delete(this.#parameter);
    else url.searchParams.set(this.#parameter, state);
    if (url.href !== location.href) history.pushState(history.state, "", url);
  }

  /** The search and the level, which stand below the tabs. */
  filters() {
    this.#search.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = Number(setTimeout(() => this.#filtered(), CALM));
    });
    this.#level.append(make("option", { value: "" }, text("all_levels")));
    for (const level of LEVELS) this.#level.append(make("option", { value: level }, text(`level_${level}`)));
    this.#level.addEventListener("change", () => this.#filtered());
    return make(
      "div",
      { class: "filters", role: "search" },
      make("label", { class: "search" }, icon("search"), named(text("search_alerts")), this.#search),
      make("label", {}, named(text("level")), this.#level),
    );
  }

  /** Offers the categories, where there are some. @param {Inbox} inbox */
  async showCategories(inbox) {
    const found = await inbox.categories().catch(() => []); // without them everything else works
    if (!found.length) return;
    for (const { name, label } of [{ name: "", label: text("all_categories") }, ...found])
      this.#addCategory(name, label);
    this.#categories.hidden = false;
    this.showCounts(inbox);
  }

  /**
   * @param {string} name
   * @param {string} label
   */
  #addCategory(name, label) {
    const button = make(
      "button",
      { type: "button", "aria-pressed": String(name === this.#category) },
      make("span", { dir: "auto" }, label),
      make("span", { class: "tab-count", hidden: true }),
    );
    button.addEventListener("click", () => {
      this.#category = name;
      for (const [other, one] of this.#byCategory) one.ariaPressed = String(other === name);
      this.#filtered();
    });
    this.#byCategory.set(name, button);
    this.#categories.append(button);
  }

  focusSearch() {
    this.#search.focus();
  }

  /** Whether it lists something else than all of the inbox. */
  get isFiltered() {
    return this.filter.state !== "all" || this.isSearch;
  }

  /** Whether something is searched for. */
  get isSearch() {
    return Boolean(this.filter.level || this.filter.category || this.filter.text);
  }

  /** @param {State} state */
  select(state) {
    this.filter = { ...this.filter, state };
    for (const [name, tab] of this.#tabs) {
      tab.ariaSelected = String(name === state);
      tab.tabIndex = name === state ? 0 : -1;
    }
    this.#search.placeholder = text("search_in", { tab: text(`tab_${state}`) });
    this.showTab();
  }

  /** Scrolls to the open tab: in a narrow window they do not fit beside each other. */
  showTab() {
    this.#tabs.get(this.filter.state)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** @param {Inbox} inbox */
  showCounts(inbox) {
    for (const [state, tab] of this.#tabs) showCount(tab, state === "all" ? 0 : inbox[state]);
    for (const [name, button] of this.#byCategory) showCount(button, inbox.byCategory[name] ?? 0);
  }

  /** @param {State} state */
  #tab(state) {
    const tab = make(
      "button",
      { type: "button", role: "tab", "data-state": state, "aria-controls": "inbox-list" },
      make("span", {}, text(`tab_${state}`)),
      make("span", { class: "tab-count", hidden: true }),
    );
    tab.addEventListener("click", () => {
      this.select(state);
      this.#address(state);
      this.#changed();
    });
    this.#tabs.set(state, tab);
    return tab;
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const tabs = [...this.#tabs.values()];
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const turned = getComputedStyle(this.element).direction === "rtl" ? -step : step;
    const place = tabs.indexOf(/** @type {HTMLButtonElement} */ (event.target));
    const next = tabs[(place + turned + tabs.length) % tabs.length];
    next.focus();
    next.click();
    event.preventDefault();
    event.stopPropagation();
  }

  #filtered() {
    this.filter = { state: this.filter.state };
    if (this.#search.value.trim()) this.filter.text = this.#search.value.trim();
    if (this.#level.value) this.filter.level = this.#level.value;
    if (this.#category) this.filter.category = this.#category;
    this.#changed();
  }
}

/** @param {string} name */
function named(name) {
  return make("span", { class: "visually-hidden" }, name);
}

/**
 * @param {HTMLElement} tab
 * @param {number} count
 */
function showCount(tab, count) {
  const badge = /** @type {HTMLElement} */ (tab.querySelector(".tab-count"));
  badge.hidden = !count;
  badge.textContent = count >= UNREAD_LIMIT ? `${UNREAD_LIMIT - 1}+` : String(count);
}
