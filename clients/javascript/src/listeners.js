/** Who listens to what. A function that is added twice is called once. */

/** @import { Signals } from "./types.js" */

export class Listeners {
  /** @type {Map<string, Set<Function>>} */
  #byType = new Map();

  /**
   * @template {keyof Signals} T
   * @param {T} type @param {(signal: Signals[T]) => void} listener @param {{ signal?: AbortSignal }} [options]
   * @returns {() => void} stops listening
   */
  add(type, listener, { signal } = {}) {
    if (signal?.aborted) return () => {};
    const found = this.#byType.get(type) ?? new Set();
    this.#byType.set(type, found.add(listener));
    const remove = () => {
      found.delete(listener);
      signal?.removeEventListener("abort", remove);
    };
    signal?.addEventListener("abort", remove);
    return remove;
  }

  /** @param {string} type @param {unknown} detail */
  emit(type, detail) {
    for (const listener of [...(this.#byType.get(type) ?? [])]) {
      try {
        listener(detail);
      } catch (error) {
        // The application's, which must not stop the client: reported as for any listener.
        queueMicrotask(() => { throw error; });
      }
    }
  }
}
