/** `<hub-jobs>`: the background jobs that the person has started. */

import { language } from "../hub/config.js";
import { jobTree } from "../hub/jobs.js";
import { refusal } from "../refusals.js";
import { showTime } from "../times.js";
import { icon, make, reconcile, text } from "./dom.js";
import { define, HubElement } from "./element.js";
import { STYLES } from "./jobs-styles.js";
import { linkTarget } from "./links.js";
import { Pace, timeIn } from "./remaining.js";

/** @import { CallFailed } from "../hub/connection.js" */
/** @import { Job, JobList } from "../hub/jobs.js" */
/** @import { LogLine } from "../hub/protocol.js" */

/** The icon of a state, and the name of its text. @type {{[state: string]: [string, string]}} */
const STATES = {
  queued: ["clock", "job_queued"],
  running: ["debug", "job_running"],
  retrying: ["warning", "job_retrying"],
  lost: ["warning", "job_lost"],
  succeeded: ["success", "job_succeeded"],
  failed: ["error", "job_failed"],
  cancelled: ["info", "job_cancelled"],
};

/** Milliseconds between two looks at the places of jobs that wait; nobody is told when others begin before theirs. */
const PLACES_PAUSE = 5000;

/** Jobs of one look. */
const MOST_PLACES = 100;

/** The deepest that jobs below others are indented. */
const DEEPEST = 3;

/** Attributes: `label` names the list for screen readers; `all` shows the jobs of everybody, to staff who may see them. */
export class HubJobs extends HubElement {
  #list = make("ol", { class: "jobs", part: "jobs" });
  #note = make("div", { class: "note" });
  #older = make("button", { type: "button", class: "more", part: "more", hidden: true });
  #news = make("p", { class: "visually-hidden", role: "status" });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #placesTimer;
  /** Why older jobs could not be loaded. @type {CallFailed | null} */
  #noOlder = null;
  /** The place in its queue of each job that waits, by id. @type {Map<string, number>} */
  #places = new Map();
  /** @type {JobList | null} */
  #jobs = null;
  /** The arguments and the logs of jobs that are open, by id. @type {Map<string, {arguments: string, log: LogLine[]}>} */
  #details = new Map();
  /** Jobs that the person has told to end, until the hub says so. @type {Set<string>} */
  #asked = new Set();
  /** @type {Map<string, Pace>} */
  #paces = new Map();
  /** @type {Map<string, string>} */
  #states = new Map();

  constructor() {
    super(STYLES);
  }

  connected() {
    this.#list.ariaLabel = this.getAttribute("label") || text("jobs");
    this.#older.textContent = text("jobs_older");
    this.#older.onclick = () => this.#loadOlder();
    this.root.append(this.#note, this.#list, this.#older, this.#news);
    if (!this.hub.user.id) {
      this.#note.replaceChildren(this.#empty("key", "jobs_log_in", ""));
      return;
    }
    const jobs = this.hub.jobs({ all: this.hasAttribute("all") });
    this.#jobs = jobs;
    this.stops.push(
      jobs.on("change", () => this.changed()),
      this.hub.on("state", () => this.changed()),
      () => jobs.close(),
    );
    const timer = setInterval(() => this.#readPlaces(), PLACES_PAUSE);
    this.stops.push(
      () => clearInterval(timer),
      () => {
        clearTimeout(this.#placesTimer);
        this.#placesTimer = undefined;
      },
    );
    this.render();
  }

  render() {
    const jobs = this.#jobs;
    if (!jobs) return;
    this.#note.replaceChildren(...this.#notes(jobs));
    this.#list.setAttribute("aria-busy", String(jobs.state === "loading"));
    this.#older.hidden = !jobs.items.length || !jobs.more;
    for (const job of jobs.items) this.#observe(job);
    const titles = new Map(jobs.items.map((job) => [job.id, job.title]));
    reconcile(
      this.#list,
      jobTree(jobs.items),
      ({ job }) => job.id,
      ({ job }) => this.#build(job),
      (element, { job, depth }) => this.#update(element, job, depth, titles.get(job.parent ?? "") ?? ""),
    );
  }

  /** @param {JobList} jobs */
  *#notes(jobs) {
    if (jobs.state === "failed") {
      const retry = make("button", { type: "button" }, text("retry"));
      retry.addEventListener("click", () => jobs.reload());
      yield make("p", { class: "banner", role: "alert" }, this.#why(jobs.error, "jobs_failed"), retry);
    } else if (this.#noOlder) {
      yield make("p", { class: "banner", role: "alert" }, this.#why(this.#noOlder, "jobs_older_failed"));
    } else if (this.hub.state !== "connected" && jobs.items.length) {
      yield make("p", { class: "banner" }, text("jobs_offline"));
    }
    if (jobs.items.length) return;
    if (jobs.state === "ready") yield this.#empty("inbox", "no_jobs", "no_jobs_yet");
    else if (jobs.state !== "failed")
      yield make("div", { class: "spinner", role: "img", "aria-label": text("loading") });
  }

  /**
   * @param {CallFailed | null} error
   * @param {string} otherwise the name of what is said where the error is none for people
   */
  #why(error, otherwise) {
    return error ? refusal(error, this.hub, text(otherwise)) : text(otherwise);
  }

  /**
   * @param {string} picture
   * @param {string} title
   * @param {string} more
   */
  #empty(picture, title, more) {
    return make(
      "div",
      { class: "empty" },
      icon(picture),
      make("h2", {}, text(title)),
      more && make("p", {}, text(more)),
    );
  }

  /** Follows how fast the job goes, and says to screen readers when it ends. @param {Job} job */
  #observe(job) {
    const before = this.#states.get(job.id);
    this.#states.set(job.id, job.state);
    if (job.place) this.#places.set(job.id, job.place);
    else if (job.state === "queued" && !before) this.#readPlacesSoon();
    if (job.state !== "queued") this.#places.delete(job.id);
    if (job.ended_at) {
      this.#asked.delete(job.id);
      this.#paces.delete(job.id);
      if (before && before !== job.state)
        this.#news.textContent = `${job.title}: ${text(STATES[job.state]?.[1] ?? "")}`;
    } else if (job.state === "running") {
      const pace = this.#paces.get(job.id) ?? new Pace();
      this.#paces.set(job.id, pace);
      pace.note(job.done, job.total);
    }
  }

  /** @param {Job} job */
  #build(job) {
    const cancel = make("button", { type: "button", class: "cancel", part: "cancel" });
    cancel.addEventListener("click", () => this.#cancel(job.id));
    const summary = make("summary", {}, text("job_details"), icon("down"));
    const details = make("details", { class: "details" }, summary, make("div"));
    details.addEventListener("toggle", () => details.open && this.#open(job.id));
    return make(
      "li",
      { class: "job", part: "job" },
      make("div", { class: "head" }, make("span", { class: "state" }), make("h2", { dir: "auto" }, job.title), cancel),
      make("p", { class: "of muted" }),
      make("progress", { "aria-label": job.title }),
      make("p", { class: "say" }),
      make("p", { class: "end" }),
      details,
    );
  }

  /**
   * @param {HTMLElement} element
   * @param {Job} job
   * @param {number} depth
   * @param {string} parent the title of the job that has called it
   */
  #update(element, job, depth, parent) {
    const part = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (element.querySelector(selector));
    const hasEnded = element.dataset.state === "running" && job.state !== "running";
    element.dataset.state = job.state;
    element.style.setProperty("--_depth", String(Math.min(depth, DEEPEST)));
    part("h2").textContent = job.title;
    const [picture, label] = STATES[job.state] ?? ["info", ""];
    part(".state").replaceChildren(icon(picture), text(label));
    show(part(".of"), parent && text("job_of", { title: parent }));

    const isCancelling = job.cancelling || this.#asked.has(job.id);
    const cancel = /** @type {HTMLButtonElement} */ (part(".cancel"));
    cancel.hidden = !job.cancellable;
    cancel.disabled = isCancelling;
    cancel.textContent = text(isCancelling ? "job_cancelling" : "job_cancel");
    cancel.ariaLabel = `${cancel.textContent}: ${job.title}`;

    const bar = /** @type {HTMLProgressElement} */ (part("progress"));
    bar.hidden = !["running", "retrying", "lost"].includes(job.state) && !(job.total && job.state !== "succeeded");
    if (job.total) {
      bar.max = job.total;
      bar.value = Math.max(0, Math.min(job.done ?? 0, job.total));
    } else bar.removeAttribute("value");
    show(part(".say"), this.#progress(job));
    part(".end").replaceChildren(...this.#end(job));
    part(".end").hidden = !part(".end").hasChildNodes();
    if (/** @type {HTMLDetailsElement} */ (part("details")).open) {
      if (hasEnded) this.#open(job.id); // its last lines were not told any more
      this.#showDetails(element, job);
    }
  }

  /** How far it is, in words. @param {Job} job */
  #progress(job) {
    if (job.state === "succeeded") return "";
    if (job.state === "running" && !job.cancellable) return text("job_unstoppable");
    const place = this.#places.get(job.id);
    const numbers = new Intl.NumberFormat(language());
    const { done, total } = job;
    const count = done === undefined || done === null ? "" : numbers.format(done);
    const far = count && total ? text("job_done_of", { done: count, total: numbers.format(total) }) : count;
    const seconds = job.state === "running" ? (this.#paces.get(job.id)?.remaining ?? null) : null;
    const left = seconds === null ? "" : text("job_left", { time: timeIn(seconds, language()) });
    const waits =
      place === undefined
        ? ""
        : text(job.plain ? "job_place_estimated" : "job_place", { place: numbers.format(place) });
    return [waits, far, job.text, left].filter(Boolean).join(" · ");
  }

  /** What came of it, or why it does not go on. @param {Job} job */
  *#end(job) {
    if (job.error) yield make("span", { class: "error", dir: "auto" }, job.error);
    const href = job.state === "succeeded" ? linkTarget(job.result_url) : "";
    if (href) yield make("a", { href, dir: "auto", part: "result" }, job.result_text || text("job_result"));
    else if (job.result_text) yield make("span", { dir: "auto" }, job.result_text);
    if (job.ended_at) {
      const time = make("time", { class: "muted" });
      showTime(time, job.ended_at);
      yield time;
    }
  }

  /** @param {string} id */
  async #open(id) {
    try {
      const { arguments: given, log } = await this.hub.call("jobs.get", { id });
      this.#details.set(id, { arguments: given, log });
    } catch {
      return; // what is known stays
    }
    this.changed();
  }

  /**
   * @param {HTMLElement} element
   * @param {Job} job
   */
  #showDetails(element, job) {
    const known = this.#details.get(job.id);
    const lines = new Map(
      [...(known?.log ?? []), ...(job.lines ?? [])].map((line) => [`${line.at} ${line.text}`, line]),
    );
    const form = new Intl.DateTimeFormat(language(), { timeStyle: "medium" });
    const body = /** @type {HTMLElement} */ (element.querySelector(".details > div"));
    const items = [...lines.values()].map(({ at, text: said }) =>
      make("li", {}, make("time", { datetime: at }, form.format(new Date(at))), make("span", { dir: "auto" }, said)),
    );
    const isAtEnd = isScrolledDown(body.querySelector("ol"));
    body.replaceChildren(
      make("p", { class: "muted call" }, make("code", { dir: "ltr" }, `${job.task}(${known?.arguments ?? ""})`)),
      items.length
        ? make("ol", { class: "log", tabindex: "0", "aria-label": text("job_log") }, ...items)
        : make("p", { class: "muted" }, text("job_no_log")),
    );
    const log = body.querySelector("ol");
    if (log && isAtEnd) log.scrollTop = log.scrollHeight;
  }

  async #loadOlder() {
    const hadFocus = this.root.activeElement === this.#older;
    const last = this.#list.lastElementChild;
    this.#noOlder = null;
    this.#older.disabled = true;
    try {
      await this.#jobs?.loadOlder();
      this.render();
      // The button may be gone, or far below what it has brought.
      const summary = last?.nextElementSibling?.querySelector("summary");
      if (hadFocus) /** @type {HTMLElement | null | undefined} */ (summary)?.focus();
    } catch (error) {
      this.#noOlder = /** @type {CallFailed} */ (error);
    }
    this.changed();
    this.#older.disabled = false;
  }

  /** Once for all jobs that were called in a moment. */
  #readPlacesSoon() {
    this.#placesTimer ??= setTimeout(() => {
      this.#placesTimer = undefined;
      this.#readPlaces();
    }, 300);
  }

  /** Where the jobs stand that wait. */
  async #readPlaces() {
    const ids = this.#jobs?.items.filter((job) => job.state === "queued").map((job) => job.id) ?? [];
    if (!ids.length || document.hidden || this.hub.state !== "connected") return;
    try {
      const { places } = await this.hub.call("jobs.places", { ids: ids.slice(-MOST_PLACES) });
      this.#places = new Map(Object.entries(places));
      this.changed();
    } catch {
      // The next look may come through.
    }
  }

  /** @param {string} id */
  async #cancel(id) {
    this.#asked.add(id);
    this.changed();
    try {
      await this.hub.call("jobs.cancel", { id });
    } catch {
      this.#asked.delete(id);
      this.#news.textContent = text("job_not_cancelled");
      this.changed();
    }
  }
}

/**
 * @param {HTMLElement} element
 * @param {string} said
 */
function show(element, said) {
  element.hidden = !said;
  if (element.textContent !== said) element.textContent = said;
}

/** @param {Element | null} log */
function isScrolledDown(log) {
  return !log || log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
}

define("hub-jobs", HubJobs);
