/**
 * The styles that widgets share. Every colour and measure is a custom property that a page may set on the widget or
 * anywhere above it: docs/howto/put-widgets-on-your-pages.md lists them.
 */

export const BASE = `
:host {
  --_card: var(--hub-card, light-dark(oklch(100% 0 0deg), oklch(21.5% 0.016 275deg)));
  --_sunken: var(--hub-sunken, light-dark(oklch(95.8% 0.007 275deg), oklch(25.5% 0.018 275deg)));
  --_line: var(--hub-line, light-dark(oklch(90.5% 0.009 275deg), oklch(31% 0.018 275deg)));
  --_control-line: var(--hub-control-line, light-dark(oklch(64% 0.02 275deg), oklch(54% 0.02 275deg)));
  --_ink: var(--hub-ink, light-dark(oklch(24% 0.025 275deg), oklch(94% 0.008 275deg)));
  --_muted: var(--hub-muted, light-dark(oklch(48% 0.022 275deg), oklch(73% 0.016 275deg)));
  --_accent: var(--hub-accent, light-dark(oklch(50% 0.2 275deg), oklch(78% 0.115 278deg)));
  --_accent-strong: var(--hub-accent-strong, light-dark(oklch(43% 0.2 275deg), oklch(84% 0.09 278deg)));
  --_accent-soft: var(--hub-accent-soft, light-dark(oklch(94.5% 0.026 278deg), oklch(29% 0.06 278deg)));
  --_on-accent: var(--hub-on-accent, light-dark(oklch(100% 0 0deg), oklch(19% 0.04 278deg)));
  --_info: var(--hub-info, light-dark(oklch(52% 0.15 245deg), oklch(77% 0.11 240deg)));
  --_success: var(--hub-success, light-dark(oklch(50% 0.13 152deg), oklch(78% 0.14 152deg)));
  --_warning: var(--hub-warning, light-dark(oklch(53% 0.125 66deg), oklch(82% 0.13 78deg)));
  --_error: var(--hub-error, light-dark(oklch(52% 0.19 25deg), oklch(75% 0.14 23deg)));
  --_radius: var(--hub-radius, 0.875rem);
  --_radius-small: var(--hub-radius-small, 0.5rem);
  --_shadow: var(--hub-shadow, 0 1px 2px rgb(15 18 40 / 5%), 0 6px 20px -8px rgb(15 18 40 / 10%));
  --_shadow-high: var(--hub-shadow-high, 0 2px 6px rgb(15 18 40 / 10%), 0 18px 44px -12px rgb(15 18 40 / 28%));
  --_touch: var(--hub-touch, 2.75rem);
  --_quick: 160ms cubic-bezier(0.2, 0.7, 0.3, 1);

  display: block;
  color: var(--_ink);
  font-family: var(--hub-font, inherit);
  line-height: 1.55;
  text-align: start;
}
:host([hidden]), [hidden] { display: none !important; }
*, *::before, *::after { box-sizing: border-box; }
p, ol, ul, h2 { margin: 0; }
ol, ul { padding: 0; list-style: none; }
a { color: var(--_accent); text-underline-offset: 0.18em; text-decoration-thickness: 0.07em; }
a:hover { color: var(--_accent-strong); }
:focus-visible { outline: 0.1875rem solid var(--_accent); outline-offset: 0.125rem; }
.icon { inline-size: 1.25em; block-size: 1.25em; flex: none; }
.visually-hidden {
  position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
/* "8:52 PM" reads so in every direction. */
time { unicode-bidi: plaintext; }
button {
  display: inline-flex; align-items: center; justify-content: center; gap: 0.5rem;
  min-block-size: var(--_touch); min-inline-size: var(--_touch); padding: 0.375rem 1.125rem;
  font: inherit; font-weight: 580; line-height: 1.25; color: var(--_ink);
  background: var(--_card); border: 1px solid var(--_control-line); border-radius: 0.625rem; cursor: pointer;
  transition: background var(--_quick), border-color var(--_quick), transform var(--_quick);
}
button:hover { background: var(--_sunken); }
button:active { transform: translateY(1px); }
button.primary { color: var(--_on-accent); background: var(--_accent); border-color: transparent; }
button.primary:hover { background: var(--_accent-strong); }
button.quiet { padding-inline: 0.75rem; background: none; border-color: transparent; }
button.quiet:hover { background: var(--_sunken); }
button.round { padding: 0; color: var(--_muted); border-radius: 50%; }
.empty { display: grid; justify-items: center; gap: 0.5rem; padding: 2.5rem 1rem; text-align: center; color: var(--_muted); }
.empty > .icon {
  inline-size: 3.25rem; block-size: 3.25rem; padding: 0.8125rem; margin-block-end: 0.5rem;
  color: var(--_accent); background: var(--_accent-soft); border-radius: 1rem;
}
.empty h2 { font-size: 1.0625rem; line-height: 1.35; font-weight: 640; color: var(--_ink); }
.banner {
  display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 1rem;
  padding: 0.75rem 1rem; background: var(--_accent-soft); border-radius: var(--_radius-small);
}
.spinner {
  inline-size: 1.5rem; block-size: 1.5rem; margin: 1.5rem auto;
  border: 0.1875rem solid var(--_line); border-block-start-color: var(--_accent); border-radius: 50%;
  animation: turn 900ms linear infinite, appear 300ms 200ms both;
}
@keyframes turn { to { rotate: 1turn; } }
@keyframes appear { from { opacity: 0; } }
@keyframes arrive { from { opacity: 0; translate: 0 -0.625rem; } }
@media (prefers-reduced-motion: reduce) {
  *, *::before, *::after {
    animation-duration: 1ms !important; animation-iteration-count: 1 !important; transition-duration: 1ms !important;
    scroll-behavior: auto !important;
  }
}
`;

/** Of one alert, in a list or as a toast. */
export const ALERT = `
.alert {
  --_level: var(--_info);
  position: relative; display: flex; gap: 0.875rem; padding: 0.875rem 1rem;
  background: var(--_card); border: 1px solid var(--_line); border-radius: var(--_radius); box-shadow: var(--_shadow);
}
.alert.new { animation: arrive 320ms cubic-bezier(0.2, 0.8, 0.2, 1); }
.alert:focus-visible { outline-offset: -0.125rem; }
.alert > .icon {
  inline-size: 2.25rem; block-size: 2.25rem; padding: 0.4375rem; color: var(--_level);
  background: color-mix(in oklab, var(--_level) 13%, transparent); border-radius: 0.625rem;
}
.alert.success { --_level: var(--_success); }
.alert.warning { --_level: var(--_warning); }
.alert.error { --_level: var(--_error); }
.alert.debug { --_level: var(--_muted); }
.alert-body { flex: 1; min-inline-size: 0; }
.alert-head {
  display: flex; flex-wrap: wrap; column-gap: 0.625rem; font-size: 0.8125rem; line-height: 1.4; color: var(--_muted);
}
.alert-level { font-weight: 640; color: var(--_level); }
.alert-topic {
  max-inline-size: min(100%, 16rem); padding-inline: 0.4375rem; font-weight: 560; color: var(--_ink);
  background: var(--_sunken); border-radius: 99rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
}
/* Written in the direction of its own language, and beside the rest of the alert. */
.alert-title, .alert-message { text-align: left; overflow-wrap: anywhere; }
:host(:dir(rtl)) :is(.alert-title, .alert-message) { text-align: right; }
.alert-title { font-weight: 640; }
.alert-message { white-space: pre-line; }
.alert-link {
  display: inline-flex; align-items: center; gap: 0.25rem; min-block-size: var(--_touch);
  margin-block-end: -0.625rem; padding-inline-end: 0.75rem; font-weight: 580;
}
.alert-link .icon { inline-size: 1em; block-size: 1em; }
:host(:dir(rtl)) .alert-link .icon { scale: -1 1; }
.alert-end { display: flex; align-items: start; margin-block: -0.5rem; margin-inline: -0.25rem -0.625rem; }
.unread-dot {
  inline-size: 0.5rem; block-size: 0.5rem; margin: auto; background: var(--_accent); border-radius: 50%;
}
`;
