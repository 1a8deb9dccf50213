/** What a room has received and the application has not handled, in order. For one reader. */

/** @import { Cursor, RoomEvent } from "./types.js" */

/** @typedef {{ event: RoomEvent, cursor: Cursor | null | undefined }} Item */

export class EventBuffer {
  /** The last event that was handled. @type {Cursor | null} */
  cursor = null;

  /** @type {Item[]} */
  #items = [];
  /** @type {Item | null} */
  #handing = null;
  /** @type {(() => void) | null} */
  #wake = null;

  get length() {
    return this.#items.length;
  }

  /** Whether everything is handled. */
  get isIdle() {
    return this.#items.length === 0 && this.#handing === null;
  }

  /** @param {RoomEvent} event @param {Cursor | null} [cursor] where the application is once it has handled it; undefined: where it was */
  put(event, cursor) {
    this.#items.push({ event, cursor });
    this.wake();
  }

  /** The next event, if there is one. */
  take() {
    this.#handing = this.#items.shift() ?? null;
    return this.#handing?.event ?? null;
  }

  /** What was taken last is handled. */
  handled() {
    if (this.#handing?.cursor !== undefined) this.cursor = this.#handing.cursor;
    this.#handing = null;
  }

  clear() {
    this.#items = [];
  }

  /** Wait until there is something, or `wake()`. @param {string} name of the room */
  async change(name) {
    if (this.#wake !== null) throw new TypeError(`${name} is read twice at the same time.`);
    await new Promise((resolve) => { this.#wake = () => resolve(undefined); });
    this.#wake = null;
  }

  wake() {
    this.#wake?.();
  }
}
