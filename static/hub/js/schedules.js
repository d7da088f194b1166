/** The form of a schedule: shows while one types when that is, in words and by two clocks. */

/** Milliseconds after the last key until the server is asked. */
const PAUSE = 300;

export class SchedulePreview {
  #form;
  #shown;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #asked = new AbortController();

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.#form = form;
    this.#shown = /** @type {HTMLElement} */ (form.querySelector("[data-preview]"));
    form.addEventListener("input", () => this.#later());
    void this.#show();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#show(), PAUSE);
  }

  async #show() {
    this.#asked.abort();
    this.#asked = new AbortController();
    const { signal } = this.#asked;
    try {
      const reply = await fetch(this.#form.dataset.previewUrl ?? "", {
        method: "POST",
        body: new FormData(this.#form),
        signal,
      });
      if (!reply.ok) return;
      const text = await reply.text();
      if (!signal.aborted) this.#shown.replaceChildren(...parsed(text));
    } catch {
      // Another one was asked meanwhile, or there is no connection: the button asks as well.
    }
  }
}

/** @param {string} text */
function parsed(text) {
  return [...new DOMParser().parseFromString(text, "text/html").body.childNodes];
}
