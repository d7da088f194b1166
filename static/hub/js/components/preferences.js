/** `<hub-preferences>`: what a person gets, in which way, and when it may interrupt them. Each choice is saved at once. */

import { zoneToOffer } from "../hub/preferences.js";
import { withEntry } from "../hub/weekly-plan.js";
import { refusal } from "../refusals.js";
import { icon, make, reconcile, text } from "./dom.js";
import { define, HubElement } from "./element.js";
import { HoursEditor } from "./hours-editor.js";
import { kindRow, updateKind } from "./preference-kinds.js";
import { muteRow, muteSelect, updateMute } from "./preference-mutes.js";
import { STYLES } from "./preferences-styles.js";

/** @import { CallFailed } from "../hub/connection.js" */
/** @import { Preferences } from "../hub/preferences.js" */
/** @import { CategoryMessage, HoursMessage, PreferencesMessage, WishMessage } from "../hub/protocol.js" */
/** @import { Mute } from "./preference-mutes.js" */

const INBOX = "inbox";
/** Hours of a weekly plan, as the server has them at most. */
const PLAN_LIMIT = 21;

/** Attributes: `label` names it for screen readers. */
export class HubPreferences extends HubElement {
  #note = make("div", { class: "note" });
  #all = make("div", { class: "all", role: "group" });
  #problem = make("p", { class: "problem", role: "alert" });
  #saved = make("p", { class: "saved", role: "status" });
  #summary = make("section", { class: "card summary", part: "summary" });
  #locale = make("section", { class: "card locale", part: "locale" });
  #mutes = make("div", { class: "rows" });
  #categories = make("div", { class: "all" });
  #plan = make("div", { class: "plan" });
  #language = make("select", { name: "language" });
  #zone = make("select", { name: "time_zone" });
  #zoneOffer = make("p", { class: "offer muted" });
  /** @type {HoursEditor | null} */
  #quiet = null;
  /** Of the weekly plan, in order; the last ones may be empty. @type {HoursEditor[]} */
  #hours = [];
  /** What the entry of each of these may be on the server, the latest first. @type {Map<HoursEditor, HoursMessage[]>} */
  #known = new Map();
  /** Hours that the person has added to the plan, and not filled in yet. */
  #spare = 0;

  constructor() {
    super(STYLES);
    this.#language.addEventListener("change", () => this.#change({ language: this.#language.value }));
    this.#zone.addEventListener("change", () => this.#change({ time_zone: this.#zone.value }));
  }

  connected() {
    this.#all.ariaLabel = this.getAttribute("label") || text("preferences");
    if (!this.hub.user.id) {
      const empty = make("div", { class: "empty" }, icon("key"), make("h2", {}, text("preferences_log_in")));
      this.root.append(empty);
      return;
    }
    this.#build();
    const { preferences } = this.hub;
    this.stops.push(
      preferences.on("change", () => this.changed()),
      preferences.on("failed", (error) => this.#showError(error)),
      this.hub.on("state", () => this.changed()),
    );
    preferences.start();
    this.render();
  }

  #build() {
    this.#quiet = new HoursEditor(text("quiet_hours"), (quiet) => this.#change({ quiet }));
    this.#hours = [];
    this.#plan.replaceChildren();
    const add = make("button", { type: "button", class: "add" }, text("hours_add"));
    add.addEventListener("click", () => {
      this.#spare = 1;
      this.render();
      this.#hours.at(-1)?.element.querySelector("input")?.focus();
    });
    const section = (/** @type {string} */ name, /** @type {string} */ about, /** @type {Node[]} */ ...parts) =>
      make(
        "section",
        { class: "card", part: "section" },
        make("h2", {}, text(name)),
        make("p", { class: "muted" }, text(about)),
        ...parts,
      );
    this.#all.replaceChildren(
      this.#summary,
      this.#locale,
      section("quiet_hours", "quiet_hours_are", this.#quiet.element),
      section("weekly_plan", "weekly_plan_is", this.#plan, add),
      section("mute", "mute_is", this.#mutes),
      this.#categories,
    );
    this.#locale.replaceChildren(
      make("label", {}, text("language"), this.#language),
      make("label", {}, text("time_zone"), this.#zone),
      this.#zoneOffer,
    );
    this.root.append(this.#note, this.#problem, this.#all, this.#saved);
  }

  render() {
    if (!this.hub.user.id) return;
    const { preferences } = this.hub;
    const { value } = preferences;
    this.#note.replaceChildren(...this.#notes(preferences));
    this.#all.hidden = !value;
    this.#all.setAttribute("aria-busy", String(preferences.saving > 0));
    if (preferences.saving) this.#saved.textContent = text("saving");
    // What the person has chosen meanwhile stays as it is until the server has answered.
    if (!value || preferences.saving) return;
    this.#showSummary(value);
    this.#showLocale(preferences);
    this.#quiet?.show(value.quiet);
    this.#showPlan(value.plan);
    this.#showMutes(value);
    this.#showCategories(value);
  }

  /** @param {Preferences} preferences */
  *#notes({ state, error, value }) {
    if (state === "failed") {
      const retry = make("button", { type: "button" }, text("retry"));
      retry.addEventListener("click", () => this.hub.preferences.reload());
      const said = error ? refusal(error, this.hub, text("preferences_failed")) : text("preferences_failed");
      yield make("p", { class: "banner", role: "alert" }, said, retry);
    } else if (!value) yield make("div", { class: "spinner", role: "img", "aria-label": text("loading") });
    else if (this.hub.state !== "connected") yield make("p", { class: "banner", role: "status" }, text("offline"));
  }

  /** @param {PreferencesMessage} value */
  #showSummary({ summary }) {
    this.#summary.replaceChildren(
      make("h2", {}, text("preferences_summary")),
      ...summary.map((sentence) => make("p", {}, sentence)),
    );
  }

  /** @param {Preferences} preferences */
  #showLocale({ value, offered }) {
    if (!value || !offered) return;
    const { languages, time_zones: zones } = offered;
    this.#locale.hidden = !languages && !zones;
    const show = (
      /** @type {HTMLSelectElement} */ select,
      /** @type {[string, string][] | undefined} */ choices,
      /** @type {string} */ chosen,
    ) => {
      const label = /** @type {HTMLElement} */ (select.parentElement);
      label.hidden = !choices;
      if (!choices) return;
      if (select.options.length !== choices.length)
        select.replaceChildren(...choices.map(([of, said]) => make("option", { value: of }, said)));
      select.value = chosen;
    };
    const named = languages?.find(({ code }) => code === offered.language)?.label ?? offered.language;
    const none = (/** @type {string} */ usual) =>
      /** @type {[string, string]} */ (["", text("chosen_none", { default: usual })]);
    show(
      this.#language,
      languages
        ?.map(({ code, label }) => /** @type {[string, string]} */ ([code, label]))
        .toSpliced(0, 0, none(named)),
      value.language,
    );
    show(
      this.#zone,
      zones?.map((name) => /** @type {[string, string]} */ ([name, name])).toSpliced(0, 0, none(offered.time_zone)),
      value.time_zone,
    );
    this.#offerZone(zones && !value.time_zone ? zoneToOffer(zones, value.clock) : "");
  }

  /** @param {string} zone empty where nothing is offered */
  #offerZone(zone) {
    if (this.#zoneOffer.dataset.zone === zone) return;
    this.#zoneOffer.dataset.zone = zone;
    this.#zoneOffer.hidden = !zone;
    if (!zone) return this.#zoneOffer.replaceChildren();
    const use = make("button", { type: "button" }, text("zone_use"));
    use.addEventListener("click", () => {
      this.#change({ time_zone: zone });
      this.#zone.focus(); // the button goes
    });
    this.#zoneOffer.replaceChildren(make("span", {}, text("zone_offered", { zone })), use);
  }

  /** @param {HoursMessage[] | null} plan */
  #showPlan(plan) {
    const known = plan ?? [];
    const wanted = Math.min(known.length + this.#spare, PLAN_LIMIT);
    while (this.#hours.length < wanted) {
      const editor = new HoursEditor(text("weekly_plan"), (hours) => this.#choosePlan(editor, hours));
      this.#hours.push(editor);
      this.#plan.append(editor.element);
    }
    for (const editor of this.#hours.splice(wanted)) editor.element.remove();
    this.#known = new Map(this.#hours.map((editor, place) => [editor, known.slice(place, place + 1)]));
    for (const [place, editor] of this.#hours.entries()) editor.show(known[place] ?? null);
  }

  /**
   * @param {HoursEditor} editor
   * @param {HoursMessage | null} hours
   */
  #choosePlan(editor, hours) {
    const was = this.#known.get(editor) ?? [];
    if (!was.length) this.#spare = 0;
    // Also what it was before: that is what is stored if the change before this one is refused.
    this.#known.set(editor, hours ? [hours, ...was] : was);
    this.#change((value) => ({ plan: withEntry(value?.plan ?? null, was, hours) }));
  }

  /** @param {PreferencesMessage} value */
  #showMutes({ channels, bundles, clock }) {
    const shown = [
      ...channels.map((one) => ({ ...one, wish: { method: "live", channel: one.channel } })),
      ...bundles.map((one) => ({ ...one, wish: { method: "live", bundle: one.bundle } })),
    ];
    reconcile(
      this.#mutes,
      shown.map(({ wish, label, sentence, state }) => ({
        wish,
        label,
        sentence,
        isOff: !state.on,
        until: state.until,
      })),
      ({ wish }) => JSON.stringify(wish),
      (mute) => muteRow(mute, (choice) => this.#choose(choice)),
      (element, mute) => updateMute(element, mute, clock),
    );
  }

  /** @param {PreferencesMessage} value */
  #showCategories(value) {
    const plain = { name: "", label: text("everything_else"), ...value.plain };
    const others = value.categories.find(({ name }) => !name)?.kinds ?? [];
    const shown = value.categories.filter(({ name }) => name);
    const last = { name: "", label: text("other_kinds"), kinds: [...others, plain], muted_until: null };
    reconcile(
      this.#categories,
      [...shown, last],
      ({ name }) => `of-${name}`,
      (category) => this.#category(category),
      (element, category) => this.#updateCategory(element, category, value),
    );
  }

  /** @param {CategoryMessage} category */
  #category({ name, label }) {
    const head = make("div", { class: "head" }, make("h2", { dir: "auto" }, label));
    if (name) {
      head.append(
        muteSelect(this.#muteOf({ name, label, kinds: [], muted_until: null }), (choice) => this.#choose(choice)),
      );
      const toAll = (/** @type {string} */ said, /** @type {() => WishMessage[]} */ wanted) => {
        const button = make("button", { type: "button", class: "quiet" }, text(said));
        button.ariaLabel = `${button.textContent}: ${label}`;
        button.addEventListener("click", () => this.#choose(...wanted()));
        head.append(button);
      };
      toAll("all_on", () => [{ method: INBOX, on: true, category: name }]);
      toAll("all_off", () => [{ method: INBOX, on: false, category: name }]);
      toAll("all_default", () => this.#defaultsOf(name));
    }
    return make("section", { class: "card", part: "category" }, head, make("div", { class: "rows" }));
  }

  /** @param {string} category */
  #defaultsOf(category) {
    const methods = this.hub.preferences.value?.methods ?? [];
    return methods.map(({ name: method }) => ({ method, on: null, default: true, category }));
  }

  /**
   * @param {HTMLElement} element
   * @param {CategoryMessage} category
   * @param {PreferencesMessage} value
   */
  #updateCategory(element, category, { methods, clock }) {
    if (category.name) updateMute(element, this.#muteOf(category), clock);
    reconcile(
      /** @type {HTMLElement} */ (element.querySelector(".rows")),
      category.kinds,
      ({ name }) => `kind-${name}`,
      (kind) => kindRow(kind, methods, (choices) => this.#choose(...choices)),
      (row, kind) => updateKind(row, kind),
    );
  }

  /**
   * @param {CategoryMessage} category
   * @returns {Mute}
   */
  #muteOf({ name, label, muted_until: until }) {
    return { wish: { method: "live", category: name }, label, sentence: "", isOff: false, until, hasEnd: true };
  }

  /** @param {WishMessage[]} choices */
  #choose(...choices) {
    return this.#change({ choices });
  }

  /** @param {Parameters<Preferences["change"]>[0]} change */
  async #change(change) {
    this.#problem.textContent = "";
    const isStored = await this.hub.preferences.change(change);
    this.#saved.textContent = isStored ? text("saved") : "";
  }

  /** @param {CallFailed} error */
  #showError(error) {
    this.#problem.textContent = refusal(error, this.hub, text("not_marked"));
  }
}

define("hub-preferences", HubPreferences);
