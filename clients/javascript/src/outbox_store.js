/**
 * Where messages are kept until they are acknowledged.
 *
 * Each client owns its entries, so that two tabs don't show or send each other's. As long as it
 * lives it holds a lock with its name; a new client adopts the entries of those that are gone.
 */

import { openDatabase, result } from "./database.js";

/** @import { OutboxStore, StoredEntry } from "./types.js" */

const DATABASE = "parley-outbox";
const LOCK = "parley-outbox ";

/** IndexedDB where there is one, else memory. @returns {OutboxStore} */
export function defaultOutbox() {
  return globalThis.indexedDB ? new IndexedDbOutbox() : new MemoryOutbox();
}

/** @param {StoredEntry[]} entries */
const inOrder = (entries) => entries.sort((a, b) => a.order - b.order);

/** Forgotten with the object; it can be given to the next client. @implements {OutboxStore} */
export class MemoryOutbox {
  /** @type {Map<string, { account: string, entry: StoredEntry }>} */
  #kept = new Map();
  /** @type {Set<string>} */
  #owners = new Set();

  /** @param {string} account @param {string} owner */
  async adopt(account, owner) {
    this.#owners.add(owner);
    const found = [...this.#kept.values()].filter((kept) => kept.account === account && !this.#owners.has(kept.entry.owner));
    for (const { entry } of found) entry.owner = owner;
    return inOrder(found.map(({ entry }) => entry));
  }

  /** @param {string} account @param {StoredEntry} entry */
  put(account, entry) {
    this.#kept.set(`${account} ${entry.id}`, { account, entry });
  }

  /** @param {string} account @param {string} id */
  remove(account, id) {
    this.#kept.delete(`${account} ${id}`);
  }

  /** @param {string} owner */
  release(owner) {
    this.#owners.delete(owner);
  }
}

/** Survives a reload and a restart of the browser. Without it, as in a private window, nothing is kept. @implements {OutboxStore} */
export class IndexedDbOutbox {
  /** @type {Promise<IDBDatabase> | null} */
  #opening = null;
  /** @type {IDBDatabase | null} */
  #database = null;
  /** @type {Map<string, () => void>} */
  #releases = new Map();

  /** @param {string} account @param {string} owner @returns {Promise<StoredEntry[]>} */
  async adopt(account, owner) {
    try {
      this.#database = await (this.#opening ??= openDatabase(DATABASE));
      const alive = await this.#hold(owner);
      const kept = await result(this.#store("readonly").getAll());
      const found = kept.filter((each) => each.account === account && !alive.has(each.entry.owner));
      const entries = found.map(({ entry }) => ({ ...entry, owner }));
      for (const entry of entries) this.put(account, entry);
      return inOrder(entries);
    } catch {
      return [];
    }
  }

  /** @param {string} account @param {StoredEntry} entry */
  put(account, entry) {
    this.#change((store) => store.put({ account, entry }, `${account} ${entry.id}`));
  }

  /** @param {string} account @param {string} id */
  remove(account, id) {
    this.#change((store) => store.delete(`${account} ${id}`));
  }

  /** @param {string} owner */
  release(owner) {
    this.#releases.get(owner)?.();
    this.#releases.delete(owner);
  }

  // Hold a lock for as long as the page lives; return the owners whose locks are held.
  /** @param {string} owner @returns {Promise<Set<string>>} */
  async #hold(owner) {
    // On plain http there are none: a message that two tabs send is stored once all the same.
    const locks = globalThis.navigator?.locks;
    if (!locks) return new Set();
    await new Promise((held) => {
      locks.request(LOCK + owner, () => new Promise((release) => {
        this.#releases.set(owner, () => release(undefined));
        held(undefined);
      })).catch(held);
    });
    const { held = [] } = await locks.query();
    return new Set(held.map(({ name = "" }) => name.slice(LOCK.length)));
  }

  /** @param {(store: IDBObjectStore) => void} work */
  #change(work) {
    try {
      const store = this.#store("readwrite");
      work(store);
      // At once: a page that is reloaded in this moment would take an open transaction with it.
      store.transaction.commit?.();
    } catch {
      // The browser has closed it, or never opened it.
    }
  }

  /** @param {IDBTransactionMode} mode */
  #store(mode) {
    if (this.#database === null) throw new Error("not open");
    return this.#database.transaction("entries", mode).objectStore("entries");
  }
}
