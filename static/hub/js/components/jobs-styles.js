/** The styles of `<hub-jobs>`. */

export const STYLES = `
.jobs { display: grid; gap: 0.75rem; grid-template-columns: minmax(0, 1fr); }
.more { display: block; margin: 0.75rem auto 0; }
.more[hidden] { display: none; }
.note:not(:empty) { margin-block-end: 0.75rem; }
.muted { color: var(--hub-muted); }
.job {
  --_level: var(--hub-muted);
  display: grid; gap: 0.375rem; grid-template-columns: minmax(0, 1fr);
  padding: 0.875rem 1rem; margin-inline-start: calc(var(--_depth, 0) * clamp(0.75rem, 3vi, 1.75rem));
  background: var(--hub-card); border: 1px solid var(--hub-line); border-inline-start: 0.1875rem solid var(--_level);
  border-radius: var(--hub-radius); box-shadow: var(--hub-shadow);
}
.job:is([data-state="running"], [data-state="queued"]) { --_level: var(--hub-info); }
.job[data-state="succeeded"] { --_level: var(--hub-success); }
.job:is([data-state="retrying"], [data-state="lost"]) { --_level: var(--hub-warning); }
.job[data-state="failed"] { --_level: var(--hub-error); }
.head {
  display: grid; grid-template: "state cancel" auto "title cancel" auto / minmax(0, 1fr) auto; align-items: center;
  column-gap: 0.75rem; min-block-size: var(--hub-touch);
}
.head h2 { grid-area: title; font-size: 1rem; line-height: 1.35; font-weight: 640; overflow-wrap: anywhere; }
.state {
  grid-area: state; display: inline-flex; align-items: center; gap: 0.3125rem; font-size: 0.8125rem; font-weight: 640; color: var(--_level);
}
.cancel { grid-area: cancel; padding-inline: 0.875rem; font-size: 0.875rem; }
.cancel:disabled { cursor: default; opacity: 0.6; }
.of, .say, .end, .call, .log { font-size: 0.875rem; }
.say { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.end { display: flex; flex-wrap: wrap; align-items: center; gap: 0.125rem 1rem; overflow-wrap: anywhere; }
.end a { display: inline-flex; align-items: center; min-block-size: var(--hub-touch); font-weight: 580; }
.error { color: var(--hub-error); white-space: pre-line; }
progress {
  appearance: none; display: block; inline-size: 100%; block-size: 0.5rem; border: 0; border-radius: 99rem;
  overflow: hidden; background: var(--hub-sunken); color: var(--hub-accent);
}
progress::-webkit-progress-bar { background: var(--hub-sunken); }
progress::-webkit-progress-value { background: var(--_level); border-radius: 99rem; transition: inline-size 200ms linear; }
progress::-moz-progress-bar { background: var(--_level); border-radius: 99rem; }
progress:indeterminate { background: linear-gradient(90deg, transparent, var(--_level), transparent) 0 0 / 200% 100%; animation: pass 1.6s linear infinite; }
progress:indeterminate::-webkit-progress-bar { background: none; }
@keyframes pass { from { background-position: 200% 0; } to { background-position: 0 0; } }
.details summary {
  display: inline-flex; align-items: center; min-block-size: var(--hub-touch); padding-inline-end: 0.75rem;
  font-size: 0.875rem; font-weight: 580; color: var(--hub-accent); cursor: pointer;
}
.details summary .icon { inline-size: 1em; margin-inline-start: 0.3125rem; }
.details[open] summary .icon { rotate: 180deg; }
.call { overflow-wrap: anywhere; margin-block-end: 0.5rem; }
.log {
  max-block-size: 16rem; padding: 0.5rem 0.75rem; overflow-y: auto; overscroll-behavior: contain;
  background: var(--hub-sunken); border-radius: var(--hub-radius-small);
}
.log li { display: flex; gap: 0.75rem; overflow-wrap: anywhere; }
.log time { flex: none; color: var(--hub-muted); font-variant-numeric: tabular-nums; }
`;
