/**
 * Where a client has got to in each room. Saved after an event was handled: after a crash, the last
 * events may come again, and none is left out.
 */

/** @import { Cursor, CursorStore } from "./types.js" */

/** Forgotten with the object. A client that is opened again with it resumes. @implements {CursorStore} */
export class MemoryCursors {
  /** @type {Map<string, Cursor>} */
  #cursors = new Map();

  /** @param {string} key */
  load(key) {
    return this.#cursors.get(key) ?? null;
  }

  /** @param {string} key @param {Cursor} cursor */
  save(key, cursor) {
    this.#cursors.set(key, cursor);
  }
}

/** In `localStorage`, or another `Storage`. @implements {CursorStore} */
export class StoredCursors {
  /** @param {Storage} storage @param {string} [prefix] */
  constructor(storage, prefix = "parley.cursor ") {
    this.storage = storage;
    this.prefix = prefix;
  }

  /** @param {string} key @returns {Cursor | null} */
  load(key) {
    return JSON.parse(this.storage.getItem(this.prefix + key) ?? "null");
  }

  /** @param {string} key @param {Cursor} cursor */
  save(key, cursor) {
    this.storage.setItem(this.prefix + key, JSON.stringify(cursor));
  }
}

/** One room's cursor in a store, written when it has changed and not too often. */
export class SavedCursor {
  #store;
  #key;
  #everyMs;
  #onError;
  /** @type {Cursor | null} */
  #saved = null;
  #at = 0;

  /** @param {CursorStore} store @param {() => string} key known by the time of the first connection @param {number} everyMs @param {(error: unknown) => void} onError */
  constructor(store, key, everyMs, onError) {
    this.#store = store;
    this.#key = key;
    this.#everyMs = everyMs;
    this.#onError = onError;
  }

  /** What the store has. */
  async load() {
    this.#saved = await this.#store.load(this.#key());
    return this.#saved;
  }

  /** Save it, if it names its history; unless `atOnce`, not if one was just saved. @param {Cursor | null} cursor @param {boolean} atOnce */
  save(cursor, atOnce) {
    const now = Date.now();
    if (!cursor?.epoch || (cursor.seq === this.#saved?.seq && cursor.epoch === this.#saved.epoch)) return;
    if (!atOnce && now - this.#at < this.#everyMs) return;
    this.#saved = cursor;
    this.#at = now;
    (async () => this.#store.save(this.#key(), cursor))().catch(this.#onError);
  }
}
