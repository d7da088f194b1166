/** Lists of background jobs: what their channels publish, and the tree that they are. */

/** @import { JobItem, LogLine } from "./protocol.js" */

/** A job, with the lines of its log that came since the list was loaded. @typedef {JobItem & {lines?: LogLine[]}} Job */

const CHANGED = "worker.job_changed";
const PROGRESSED = "worker.job_progressed";

/** The greatest number of jobs in a list, and of lines that a job keeps. */
const LONGEST = 300;
const MAX_LINES = 200;

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
    if (place < 0) return [data.item, ...jobs].slice(0, LONGEST);
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
