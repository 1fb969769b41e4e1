// The second argument of the model's function, and how CANCEL reaches it.

export class CallContext {
  /** @type {AbortController | null} */
  #controller = null;
  /** @type {string | null} */
  #reason = null;

  /** Aborts when the call is cancelled. Made on demand: most functions never look at it. @returns {AbortSignal} */
  get signal() {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#reason !== null) this.#abort(this.#controller, this.#reason);
    }
    return this.#controller.signal;
  }

  get cancelled() {
    return this.#reason !== null;
  }

  /** @param {string} reason "deadline" or "cancelled" */
  cancel(reason) {
    if (this.#reason !== null) return;
    this.#reason = reason;
    if (this.#controller !== null) this.#abort(this.#controller, reason);
  }

  /** @param {AbortController} controller @param {string} reason */
  #abort(controller, reason) {
    controller.abort(new DOMException(`the call was cancelled: ${reason}`, "AbortError"));
  }
}
