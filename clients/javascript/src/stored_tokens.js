/**
 * A log-in that all tabs of a browser share.
 *
 * A tab reads local storage from a copy of its process. What another tab has written gets there later,
 * and possibly after a lock which that tab has released, so a token read under the lock may have been
 * exchanged already. A database has no such copies: what was exchanged last is there, too.
 */

import { openDatabase } from "./database.js";

/** @import { TokenStore, Tokens } from "./types.js" */

const DATABASE = "parley-tokens";

// For a database that doesn't open (a fault of some browsers). Local storage is nearly always right.
const DATABASE_MS = 2_000;

/**
 * Tokens in a `Storage`. One tab exchanges them at a time where the browser has locks; elsewhere
 * (plain http) the server's grace period of ten seconds suffices.
 *
 * @implements {TokenStore}
 */
export class StoredTokens {
  // What had been exchanged last when this tab held the lock.
  /** @type {Tokens | null} */
  #latest = null;

  /** @param {Storage} storage like `localStorage` @param {string} [key] */
  constructor(storage, key = "parley.tokens") {
    this.storage = storage;
    this.key = key;
  }

  /** @returns {Tokens | null} */
  load() {
    const kept = JSON.parse(this.storage.getItem(this.key) ?? "null");
    return follows(this.#latest, kept) ? this.#latest : kept;
  }

  /** Resolves when all tabs find them. @param {Tokens | null} tokens @returns {Promise<void>} */
  async save(tokens) {
    this.#latest = tokens;
    if (tokens === null) this.storage.removeItem(this.key);
    else this.storage.setItem(this.key, JSON.stringify(tokens));
    await inDatabase("readwrite", (store) => (tokens === null ? store.delete(this.key) : store.put(tokens, this.key)));
  }

  /** @template T @param {() => Promise<T>} work @returns {Promise<T>} */
  exclusive(work) {
    const locks = globalThis.navigator?.locks;
    const informed = async () => {
      this.#latest = (await inDatabase("readonly", (store) => store.get(this.key))) ?? null;
      return work();
    };
    return locks ? /** @type {Promise<T>} */ (locks.request(this.key, informed)) : informed();
  }
}

/** Whether these are later tokens of the log-in that is kept. @param {Tokens | null} tokens @param {Tokens | null} kept */
function follows(tokens, kept) {
  if (tokens === null || kept === null || tokens.began !== (kept.began ?? kept.refresh)) return false;
  return (tokens.renewals ?? 0) > (kept.renewals ?? 0);
}

/** The result; undefined without a database, as in Node. @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest} work @returns {Promise<any>} */
async function inDatabase(mode, work) {
  if (!globalThis.indexedDB) return undefined;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((resolve) => { timer = setTimeout(resolve, DATABASE_MS); });
  // A browser that keeps nothing, as in some private windows.
  const done = within(mode, work).catch(() => {});
  return Promise.race([done, late]).finally(() => clearTimeout(timer));
}

/** @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest} work */
async function within(mode, work) {
  const database = await openDatabase(DATABASE);
  try {
    const transaction = database.transaction("entries", mode);
    const request = work(transaction.objectStore("entries"));
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    return request.result;
  } finally {
    database.close();
  }
}
