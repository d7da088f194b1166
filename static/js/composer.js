/** A message box that sends over a socket and keeps a text until the server has shown that it has it. */

/** @import { Frame, ReconnectingSocket } from "./socket.js" */

export class Composer {
  #form;
  #box;
  #error;
  #login;
  #socket;
  #isEcho;
  /** Texts that were sent and have not come back yet. @type {string[]} */
  #pending = [];

  /**
   * @param {HTMLFormElement} form
   * @param {ReconnectingSocket} socket
   * @param {(frame: Frame, text: string) => boolean} isEcho whether a frame is the server's copy of what was sent here
   */
  constructor(form, socket, isEcho) {
    this.#form = form;
    this.#box = /** @type {HTMLTextAreaElement} */ (form.querySelector("textarea"));
    this.#error = /** @type {HTMLElement} */ (form.querySelector("[data-error]"));
    this.#login = /** @type {HTMLElement} */ (form.querySelector("[data-login]"));
    this.#socket = socket;
    this.#isEcho = isEcho;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
    this.#box.addEventListener("input", () => this.#say(""));
    socket.addEventListener("frame", (event) => this.#receive(/** @type {CustomEvent<Frame>} */ (event).detail));
    socket.addEventListener("state", () => this.#follow());
  }

  #send() {
    const text = this.#box.value.trim();
    if (!text) return;
    if (!this.#socket.send({ message: text })) {
      this.#say(this.#form.dataset.textOffline ?? "");
      return;
    }
    this.#pending.push(text);
    this.#box.value = "";
    this.#say("");
  }

  /** @param {Frame} frame */
  #receive(frame) {
    if (frame.type === "error") {
      this.#say(String(frame.message), frame.code === "login_required");
      this.#giveBack();
      return;
    }
    const index = this.#pending.findIndex((text) => this.#isEcho(frame, text));
    if (index >= 0) this.#pending.splice(index, 1);
  }

  /** When the connection breaks, what is not confirmed may or may not have arrived, so the writer decides. */
  #follow() {
    const offline = this.#form.dataset.textOffline ?? "";
    if (this.#socket.state === "open") {
      if (this.#error.textContent === offline) this.#say("");
    } else if (this.#pending.length) {
      this.#say(this.#form.dataset.textUnconfirmed ?? "");
      this.#giveBack();
    }
  }

  /** Puts the unconfirmed text back into the box, unless something else is being written there already. */
  #giveBack() {
    if (!this.#box.value) this.#box.value = this.#pending.join("\n");
    this.#pending = [];
  }

  /**
   * @param {string} text
   * @param {boolean} [loginHelps]
   */
  #say(text, loginHelps = false) {
    this.#error.textContent = text;
    this.#login.hidden = !loginHelps;
    this.#box.toggleAttribute("aria-invalid", text !== "");
    if (text) this.#box.setAttribute("aria-invalid", "true");
  }
}
