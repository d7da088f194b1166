/** The styles of `<hub-inbox>`. */

import { STYLES as BUNDLE } from "./bundle.js";
import { STYLES as BAR } from "./inbox-bar.js";
import { STYLES as KEYS } from "./inbox-keys.js";
import { STYLES as MUTE } from "./mute-menu.js";
import { STYLES as POPUP } from "./popup-menu.js";
import { STYLES as SHORTEN } from "./shorten.js";
import { STYLES as SNOOZE } from "./snooze-menu.js";
import { ALERT } from "./styles.js";
import { STYLES as UNDO } from "./undo-bar.js";

export const STYLES = `
${ALERT}
:host { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.75rem; }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 0 0.5rem; }
.bar:not(:has(> :not([hidden]))) { display: none; }
.count {
  display: flex; align-items: center; min-block-size: var(--hub-touch); margin-inline-end: auto; font-weight: 580;
  color: var(--hub-muted);
}
.count.some { color: var(--hub-ink); }
.list { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0.625rem; }
.alert.unread { background: color-mix(in oklab, var(--hub-accent) 5%, var(--hub-card)); }
.alert:not(.unread) .mark, .alert.unread .unmark { display: none; }
.alert:not(.unread) .alert-end:not(:has(.tool)) { display: none; }
.alert.picked { border-color: var(--hub-accent); box-shadow: 0 0 0 1px var(--hub-accent); }
.alert-until { display: flex; align-items: center; gap: 0.375rem; font-size: 0.875rem; color: var(--hub-muted); }
.alert-end { flex: none; }
.tool { min-inline-size: 2.5rem; }
.bar button { color: var(--hub-accent); padding-inline: 0.625rem; }
@media (width < 34rem) { .bar button { padding-inline: 0.5rem; font-size: 0.9375rem; } }
.pick { display: flex; margin: -0.875rem -0.625rem -0.5rem -0.75rem; align-self: start; }
.bar .pick { margin: 0; padding-inline-start: 0.25rem; }
.pick input {
  appearance: none; display: grid; place-content: center; inline-size: var(--hub-touch); block-size: var(--hub-touch);
  margin: 0; border-radius: var(--hub-radius-small); cursor: pointer;
}
.pick input::before {
  content: ""; grid-area: 1 / 1; inline-size: 1.125rem; block-size: 1.125rem; background: var(--hub-card);
  border: 0.09375rem solid var(--hub-control-line); border-radius: 0.25rem;
}
.pick input:is(:checked, :indeterminate)::before { background: var(--hub-accent); border-color: var(--hub-accent); }
.pick input:is(:checked, :indeterminate)::after {
  content: ""; grid-area: 1 / 1; place-self: center; border: solid var(--hub-on-accent);
}
.pick input:checked::after {
  inline-size: 0.375rem; block-size: 0.6875rem; border-width: 0 0.125rem 0.125rem 0; rotate: 45deg; translate: 0 -0.0625rem;
}
.pick input:indeterminate::after { inline-size: 0.625rem; block-size: 0; border-width: 0 0 0.125rem; rotate: none; }
@media (forced-colors: active) { .pick input { appearance: auto; inline-size: 1.25rem; } }
.more { justify-self: center; }
.problem:empty { display: none; }
.problem { color: var(--hub-error); font-weight: 560; }
.offline { color: var(--hub-muted); }
@media (width < 34rem) {
  :host([tabs]) .alert { flex-wrap: wrap; column-gap: 0.625rem; }
  :host([tabs]) .alert-body { flex-basis: 10rem; }
  :host([tabs]) .alert-end { flex-basis: 100%; justify-content: flex-end; margin-block: -0.25rem -0.5rem; }
  .keys-button { display: none; }
}
:host([compact]) { gap: 0; }
:host([compact]) .bar { padding-block: 0.25rem; padding-inline: 1rem 0.5rem; border-block-end: 1px solid var(--hub-line); }
:host([compact]) .list { gap: 0; }
:host([compact]) .alert {
  flex-wrap: wrap; padding-block: 0.75rem; padding-inline: 1rem 0.75rem; border: 0;
  border-block-end: 1px solid var(--hub-line); border-radius: 0; box-shadow: none;
}
:host([compact]) .alert:last-child { border-block-end: 0; }
:host([compact]) .alert-body { flex-basis: 12rem; }
:host([compact]) .alert-end { flex-basis: 100%; justify-content: flex-end; margin-block: -0.5rem; margin-inline-end: -0.25rem; }
:host([compact]) .unmark { display: none; }
:host([compact]) .more { inline-size: 100%; border-radius: 0; border: 0; color: var(--hub-accent); background: none; }
:host([compact]) .banner, :host([compact]) .problem { margin: 0.75rem; }
${BAR}${BUNDLE}${KEYS}${POPUP}${SHORTEN}${MUTE}${SNOOZE}${UNDO}
`;
