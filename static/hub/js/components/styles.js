/**
 * The styles that all widgets share. The design tokens (`--hub-…`) come from `static/hub/css/tokens.css`, which
 * `hub_scripts` links, or from the page.
 */

import { ACTIONS } from "./alert-actions.js";

export const BASE = `
:host {
  display: block;
  color: var(--hub-ink);
  font-family: var(--hub-font, inherit);
  line-height: 1.55;
  text-align: start;
}
:host([hidden]), [hidden] { display: none !important; }
*, *::before, *::after { box-sizing: border-box; }
p, ol, ul, h2 { margin: 0; }
ol, ul { padding: 0; list-style: none; }
a { color: var(--hub-accent); text-underline-offset: 0.18em; text-decoration-thickness: 0.07em; }
a:hover { color: var(--hub-accent-strong); }
:focus-visible { outline: 0.1875rem solid var(--hub-accent); outline-offset: 0.125rem; }
.icon { inline-size: 1.25em; block-size: 1.25em; flex: none; }
.visually-hidden {
  position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
/* "8:52 PM" keeps its order in right-to-left text. */
time { unicode-bidi: plaintext; }
button {
  display: inline-flex; align-items: center; justify-content: center; gap: 0.5rem;
  min-block-size: var(--hub-touch); min-inline-size: var(--hub-touch); padding: 0.375rem 1.125rem;
  font: inherit; font-weight: 580; line-height: 1.25; color: var(--hub-ink);
  background: var(--hub-card); border: 1px solid var(--hub-control-line); border-radius: 0.625rem; cursor: pointer;
  transition: background var(--hub-quick), border-color var(--hub-quick), transform var(--hub-quick);
}
button:hover { background: var(--hub-sunken); }
button:active { transform: translateY(1px); }
button.primary { color: var(--hub-on-accent); background: var(--hub-accent); border-color: transparent; }
button.primary:hover { background: var(--hub-accent-strong); }
button.quiet { padding-inline: 0.75rem; background: none; border-color: transparent; }
button.quiet:hover { background: var(--hub-sunken); }
button.round { padding: 0; color: var(--hub-muted); border-radius: 50%; }
.empty { display: grid; justify-items: center; gap: 0.5rem; padding: 2.5rem 1rem; text-align: center; color: var(--hub-muted); }
.empty > .icon {
  inline-size: 3.25rem; block-size: 3.25rem; padding: 0.8125rem; margin-block-end: 0.5rem;
  color: var(--hub-accent); background: var(--hub-accent-soft); border-radius: 1rem;
}
.empty h2 { font-size: 1.0625rem; line-height: 1.35; font-weight: 640; color: var(--hub-ink); }
:host([data-closed]) .banner { display: none; }
.banner {
  display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 1rem;
  padding: 0.75rem 1rem; background: var(--hub-accent-soft); border-radius: var(--hub-radius-small);
}
.fault {
  display: grid; grid-template-columns: auto minmax(0, 1fr); align-items: start; gap: 0.75rem; padding: 0.75rem 1rem;
  overflow-wrap: anywhere; background: color-mix(in oklab, var(--hub-error) 9%, var(--hub-card));
  border: 1px solid color-mix(in oklab, var(--hub-error) 35%, var(--hub-card)); border-radius: var(--hub-radius-small);
}
.fault > .icon { margin-block-start: 0.15em; color: var(--hub-error); }
.spinner {
  inline-size: 1.5rem; block-size: 1.5rem; margin: 1.5rem auto;
  border: 0.1875rem solid var(--hub-line); border-block-start-color: var(--hub-accent); border-radius: 50%;
  animation: turn 900ms linear infinite, appear 300ms 200ms both;
}
@keyframes turn { to { rotate: 1turn; } }
@keyframes appear { from { opacity: 0; } }
@keyframes arrive { from { opacity: 0; translate: 0 -0.625rem; } }
@media (prefers-reduced-motion: reduce) {
  *, *::before, *::after {
    animation-duration: 1ms !important; animation-iteration-count: 1 !important; transition-duration: 0s !important;
    scroll-behavior: auto !important;
  }
}
`;

/** The styles of one alert, in a list or as a toast. */
export const ALERT = `
${ACTIONS}.alert {
  --_level: var(--hub-info);
  position: relative; display: flex; gap: 0.875rem; padding: 0.875rem 1rem;
  background: var(--hub-card); border: 1px solid var(--hub-line); border-radius: var(--hub-radius); box-shadow: var(--hub-shadow);
}
.alert.new { animation: arrive 320ms cubic-bezier(0.2, 0.8, 0.2, 1); }
.alert:focus-visible { outline-offset: -0.125rem; }
.alert > .icon {
  inline-size: 2.25rem; block-size: 2.25rem; padding: 0.4375rem; color: var(--_level);
  background: color-mix(in oklab, var(--_level) 13%, transparent); border-radius: 0.625rem;
}
.alert > .sign {
  display: grid; place-items: center; padding: 0; overflow: hidden; font-size: 1.125rem; font-weight: 640; line-height: 1;
  white-space: nowrap;
}
.alert.success { --_level: var(--hub-success); }
.alert.warning { --_level: var(--hub-warning); }
.alert.error { --_level: var(--hub-error); }
.alert.debug { --_level: var(--hub-muted); }
.alert-body { flex: 1; min-inline-size: 0; }
.alert-head {
  display: flex; flex-wrap: wrap; column-gap: 0.625rem; font-size: 0.8125rem; line-height: 1.4; color: var(--hub-muted);
}
.alert-level { font-weight: 640; color: var(--_level); }
.alert-topic {
  max-inline-size: min(100%, 16rem); padding-inline: 0.4375rem; font-weight: 560; color: var(--hub-ink);
  background: var(--hub-sunken); border-radius: 99rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
}
/* dir="auto" sets the direction of the text; the alignment follows the page. */
.alert-title, .alert-message { text-align: left; overflow-wrap: anywhere; }
:host(:dir(rtl)) :is(.alert-title, .alert-message) { text-align: right; }
.alert-title { font-weight: 640; }
.alert-message { white-space: pre-line; }
.alert-link {
  display: inline-flex; align-items: center; gap: 0.25rem; min-block-size: var(--hub-touch);
  margin-block-end: -0.625rem; padding-inline-end: 0.75rem; font-weight: 580;
}
.alert-link .icon { inline-size: 1em; block-size: 1em; }
:host(:dir(rtl)) .alert-link .icon { scale: -1 1; }
.alert-end { display: flex; align-items: start; margin-block: -0.5rem; margin-inline: -0.25rem -0.625rem; }
.unread-dot {
  inline-size: 0.5rem; block-size: 0.5rem; margin: auto; background: var(--hub-accent); border-radius: 50%;
}
`;
