/** Lists of background jobs: what their channels publish, and the tree that they are. */

import { Collection } from "./collection.js";

/** @import { CallFailed, Connection } from "./connection.js" */
/** @import { JobItem, JobList as Page, LogLine } from "./protocol.js" */

/** A job, with the lines of its log that came since the list was loaded. @typedef {JobItem & {lines?: LogLine[]}} Job */

const CHANGED = "worker.job_changed";
const PROGRESSED = "worker.job_progressed";

/** The hub has no such job, or not any more. */
const GONE = 404;

/** To how many jobs a list grows by itself, and the greatest number of lines that a job keeps. */
const LONGEST = 300;
const MAX_LINES = 200;

/**
 * The newest jobs, kept up to date, and older ones when they are asked for.
 *
 * @extends {Collection<Job>}
 */
export class JobList extends Collection {
  /** Whether there are older jobs than these. */
  more = false;

  #ask;

  /**
   * @param {Connection} connection
   * @param {string} channel
   * @param {(before: string) => Promise<Page>} ask loads the jobs behind the one with this id; the newest without one
   */
  constructor(connection, channel, ask) {
    // Called when the list exists, which it does not yet here.
    super(connection, () => this.#load(), {
      channel,
      apply: (jobs, data) => this.#apply(jobs, data),
      order: newestJobFirst,
    });
    this.#ask = ask;
  }

  /** Loads the next older jobs. Rejects with `CallFailed`. */
  async loadOlder() {
    const last = this.items.at(-1);
    if (!last) return;
    try {
      const { items, more } = await this.#ask(last.id);
      this.more = more;
      this.add(items);
    } catch (error) {
      if (/** @type {CallFailed} */ (error).code !== GONE) throw error;
      this.reload(); // the last one is deleted meanwhile, and nothing stands behind it any more
    }
  }

  async #load() {
    const page = await this.#ask("");
    this.more = page.more;
    return page;
  }

  /**
   * @param {Job[]} jobs
   * @param {any} data
   */
  #apply(jobs, data) {
    // One that stands behind the last that was loaded comes with its page: else that would begin behind it.
    if (this.more && isBehind(data, jobs)) return jobs;
    const after = withJobEvent(jobs, data);
    if (jobs.length && after.at(-1)?.id !== jobs.at(-1)?.id) this.more = true; // the oldest one had to go
    return after;
  }
}

/**
 * @param {any} data
 * @param {Job[]} jobs
 */
function isBehind(data, jobs) {
  const last = jobs.at(-1);
  const isListed = () => jobs.some((job) => job.id === data.item.id);
  return data?.type === CHANGED && last !== undefined && newestJobFirst(data.item, last) > 0 && !isListed();
}

/**
 * Returns the list after a publication; for `hub.collection`.
 *
 * @param {Job[]} jobs
 * @param {any} data
 * @returns {Job[]}
 */
export function withJobEvent(jobs, data) {
  if (data?.type === CHANGED) {
    const place = jobs.findIndex((job) => job.id === data.item.id);
    if (place < 0) return [data.item, ...jobs].slice(0, Math.max(LONGEST, jobs.length));
    return jobs.with(place, { ...data.item, lines: jobs[place].lines });
  }
  if (data?.type !== PROGRESSED) return jobs;
  return jobs.map((job) => {
    // What arrives late is of a run that is over.
    if (job.id !== data.id || job.state !== "running") return job;
    const lines = [...(job.lines ?? []), ...(data.lines ?? [])].slice(-MAX_LINES);
    return { ...job, done: data.done, total: data.total, text: data.text, lines };
  });
}

/**
 * @param {Job} a
 * @param {Job} b
 * @returns {number} newest first
 */
export function newestJobFirst(a, b) {
  return Date.parse(b.created_at) - Date.parse(a.created_at) || (a.id < b.id ? 1 : -1);
}

/**
 * Returns the jobs with those that they have called below them, oldest first, each with its depth. A job whose parent is
 * not in the list stands by itself.
 *
 * @param {Job[]} jobs
 * @returns {{job: Job, depth: number}[]}
 */
export function jobTree(jobs) {
  const known = new Set(jobs.map((job) => job.id));
  /** @type {Map<string, Job[]>} */
  const children = new Map();
  for (const job of jobs) {
    const parent = job.parent && job.parent !== job.id && known.has(job.parent) ? job.parent : "";
    children.set(parent, [...(children.get(parent) ?? []), job]);
  }
  /** @type {{job: Job, depth: number}[]} */
  const found = [];
  const add = (/** @type {Job} */ job, /** @type {number} */ depth) => {
    found.push({ job, depth });
    for (const child of (children.get(job.id) ?? []).toReversed()) add(child, depth + 1);
  };
  for (const job of children.get("") ?? []) add(job, 0);
  return found;
}
