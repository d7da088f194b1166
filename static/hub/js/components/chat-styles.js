/** The styles of `<hub-chat>`. */

export const CHAT = `
/* In a grid of a product's page a long name would widen the page. */
:host {
  position: relative; display: flex; flex-direction: column; gap: 0.5rem; min-block-size: 0; min-inline-size: 0;
  block-size: var(--hub-chat-height, 34rem);
}
:host(:is([data-missing], [data-waits])) { block-size: auto; }
:host([data-missing]) :is(.main, .typing, .people) { display: none; }
.main { position: relative; flex: 1; min-block-size: 0; display: flex; flex-direction: column; }
/* Names for screen readers are positioned: outside of it they would make the page as long as the conversation. */
.scroll {
  position: relative; flex: 1; min-block-size: 6rem; padding: clamp(0.75rem, 2vi, 1.25rem); overflow-y: auto; overscroll-behavior: contain;
  overflow-anchor: none; background: var(--hub-card); border: 1px solid var(--hub-line); border-radius: var(--hub-radius);
  box-shadow: var(--hub-shadow);
}
.scroll:focus-visible { outline-offset: -0.1875rem; }
.messages { display: flex; flex-direction: column; }
.avatar {
  --hue: 275;
  display: inline-grid; place-items: center; flex: none; inline-size: 2rem; block-size: 2rem;
  font-size: 0.9375rem; font-weight: 640; line-height: 1;
  color: light-dark(oklch(42% 0.12 var(--hue)), oklch(87% 0.08 var(--hue)));
  background: light-dark(oklch(92.5% 0.045 var(--hue)), oklch(34% 0.06 var(--hue)));
  border-radius: 50%;
}
.message { display: flex; align-items: start; gap: 0.625rem; max-inline-size: min(100%, 42rem); margin-block-start: 0.875rem; }
.message:first-child { margin-block-start: 0; }
.message > .avatar { margin-block-start: 0.25rem; }
.bubble {
  min-inline-size: 0; padding: 0.4375rem 0.8125rem 0.5rem; background: var(--hub-sunken);
  border-radius: 1rem; border-start-start-radius: 0.3125rem;
}
.message-head { display: flex; align-items: baseline; gap: 0.625rem; font-size: 0.8125rem; line-height: 1.4; }
.message-head time { margin-inline-start: auto; flex: none; color: var(--hub-muted); font-variant-numeric: tabular-nums; }
.author { min-inline-size: 0; font-weight: 640; overflow: hidden; text-overflow: ellipsis; }
.message-text { min-inline-size: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.message.continued { margin-block-start: 0.1875rem; }
.message.continued > .avatar { block-size: 0; visibility: hidden; }
/* The time stands beside the last of short lines, and below a longer text. */
.message:is(.continued, .mine) .bubble { display: flex; flex-wrap: wrap; align-items: last baseline; column-gap: 0.75rem; }
.message:is(.continued, .mine) .message-head { order: 2; flex: none; margin-inline-start: auto; }
.message:is(.continued, .mine) .author {
  position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
.message.continued .bubble { border-start-start-radius: 1rem; }
.message.mine { align-self: end; flex-direction: column; align-items: end; gap: 0; }
.message.mine > .avatar { display: none; }
.message.mine .bubble {
  background: var(--hub-accent-soft); border-start-start-radius: 1rem; border-start-end-radius: 0.3125rem;
}
.message.mine.continued .bubble { border-start-end-radius: 1rem; }
.message.sending .bubble { opacity: 0.65; transition: opacity 200ms 300ms; }
.fate { display: flex; flex-wrap: wrap; justify-content: end; align-items: center; font-size: 0.8125rem; color: var(--hub-muted); }
.fate-text:empty { display: none; }
.message.failed .fate-text { font-weight: 560; color: var(--hub-error); }
.message.failed .bubble { outline: 1px solid var(--hub-error); }
.message:not(.failed) .fate button { display: none; }
.fate button { font-size: inherit; }
.notice {
  align-self: center; margin-block: 0.75rem 0.25rem; padding: 0.125rem 0.75rem; font-size: 0.8125rem; text-align: center;
  overflow-wrap: anywhere; color: var(--hub-muted);
}
.newer {
  position: absolute; inset-block-end: 0.75rem; inset-inline: 0; inline-size: max-content; margin-inline: auto;
  font-size: 0.875rem; border-radius: 99rem; box-shadow: var(--hub-shadow-high);
}
.people { display: flex; align-items: center; gap: 0.5rem; min-block-size: 2rem; font-size: 0.875rem; color: var(--hub-muted); }
.names { display: inline-flex; flex: none; }
.avatar.small { inline-size: 1.625rem; block-size: 1.625rem; font-size: 0.75rem; box-shadow: 0 0 0 2px var(--hub-paper, var(--hub-card)); }
.avatar.small + .avatar.small { margin-inline-start: -0.375rem; }
.who { min-inline-size: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.typing { min-block-size: 1.25rem; padding-inline: 0.25rem; font-size: 0.8125rem; line-height: 1.25rem; color: var(--hub-muted); }
.typing:not(:empty)::after { content: "…"; }
.composer { display: grid; gap: 0.25rem; }
.error { padding-inline: 0.25rem; font-size: 0.8125rem; font-weight: 560; color: var(--hub-error); }
.error:empty, .error:not(:empty) + .hint { display: none; }
.hint { padding-inline: 0.25rem; font-size: 0.8125rem; color: var(--hub-muted); }
@media (pointer: coarse) { .hint { display: none; } }
.row { display: flex; align-items: end; gap: 0.5rem; }
textarea {
  flex: 1; min-inline-size: 0; min-block-size: var(--hub-touch); max-block-size: 9.5rem; padding: 0.5rem 0.875rem;
  font: inherit; line-height: 1.5; color: inherit; background: var(--hub-card); border: 1px solid var(--hub-control-line);
  border-radius: 0.625rem; resize: none; field-sizing: content;
}
textarea[aria-invalid] { border-color: var(--hub-error); }
textarea::placeholder { color: var(--hub-muted); opacity: 1; }
textarea:focus-visible { outline-offset: -0.0625rem; }
:host(:dir(rtl)) .row .icon { scale: -1 1; }
.locked {
  display: flex; flex-wrap: wrap; align-items: center; justify-content: center; gap: 0 0.75rem;
  padding: 0.5rem 1rem; color: var(--hub-muted); background: var(--hub-sunken); border-radius: var(--hub-radius-small);
}
.locked a { display: inline-flex; align-items: center; min-block-size: var(--hub-touch); font-weight: 580; }
@media (width < 30rem) {
  .button-text {
    position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
  }
}
`;
