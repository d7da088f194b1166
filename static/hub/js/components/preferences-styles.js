/** The styles of `<hub-preferences>`. */

import { STYLES as HOURS } from "./hours-editor.js";

export const STYLES = `
.all { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.875rem; }
.note:not(:empty) { margin-block-end: 0.875rem; }
.muted { color: var(--hub-muted); font-size: 0.9375rem; }
.saved {
  position: sticky; inset-block-end: 0.75rem; justify-self: end; inline-size: fit-content; margin: 0.75rem 0 0 auto;
  padding: 0.375rem 0.875rem; font-size: 0.875rem; color: var(--hub-muted); background: var(--hub-card);
  border: 1px solid var(--hub-line); border-radius: 99rem; box-shadow: var(--hub-shadow);
}
.saved:empty { visibility: hidden; }
.problem { color: var(--hub-error); font-weight: 560; }
.problem:empty { display: none; }
.card {
  display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.75rem; padding: 1rem 1.125rem;
  background: var(--hub-card); border: 1px solid var(--hub-line); border-radius: var(--hub-radius); box-shadow: var(--hub-shadow);
  overflow-wrap: anywhere;
}
h2 { font-size: 1.0625rem; line-height: 1.35; font-weight: 640; }
.summary { gap: 0.375rem; }
.locale { grid-template-columns: repeat(auto-fit, minmax(min(100%, 15rem), 1fr)); }
.locale label { display: grid; gap: 0.25rem; min-inline-size: 0; font-size: 0.875rem; color: var(--hub-muted); }
.offer { grid-column: 1 / -1; display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 0.75rem; }
.offer[hidden] { display: none; }
select, input[type="time"] {
  min-block-size: var(--hub-touch); min-inline-size: 0; max-inline-size: 100%; padding: 0.25rem 0.625rem; font: inherit;
  color: var(--hub-ink); background: var(--hub-card); border: 1px solid var(--hub-control-line); border-radius: 0.625rem;
  color-scheme: inherit;
}
.head { display: flex; flex-wrap: wrap; align-items: center; gap: 0.375rem 0.5rem; }
.head h2 { flex: 1 1 auto; }
.head button { padding-inline: 0.5rem; font-size: 0.875rem; }
.rows { display: grid; grid-template-columns: minmax(0, 1fr); }
.row { min-inline-size: 0; padding: 0.75rem 0 0; margin: 0.75rem 0 0; border: 0; border-block-start: 1px solid var(--hub-line); }
.rows > .row:first-child { margin-block-start: 0; }
.mute { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 1rem; }
.mute > div { flex: 1 1 14rem; min-inline-size: 0; }
.name { font-weight: 580; }
.kind legend { float: inline-start; padding: 0; font-weight: 580; }
.kind .boxes { clear: both; }
.boxes { display: flex; flex-wrap: wrap; gap: 0 1.25rem; }
.boxes label { display: inline-flex; align-items: center; gap: 0.5rem; min-block-size: var(--hub-touch); cursor: pointer; }
.boxes input { inline-size: 1.125rem; block-size: 1.125rem; margin: 0; accent-color: var(--hub-accent); }
.boxes .default { font-size: 0.875rem; }
.boxes .default:empty { display: none; }
.boxes .back { font-size: 0.875rem; }
.boxes input:disabled + span { color: var(--hub-muted); }
.plan { display: grid; gap: 0.875rem; }
.plan:empty { display: none; }
.add { justify-self: start; }
${HOURS}`;
