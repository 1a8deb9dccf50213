/**
 * A stretch of a room's history without holes: messages and notices by seq. Pure.
 */

export class Timeline {
  /** Whether there may be messages before, or after, those held here. */
  hasOlder = false;
  hasNewer = false;

  #items = new Map();
  // In order; null after an item was added in the middle.
  #sorted = [];

  get size() {
    return this.#items.size;
  }

  items() {
    this.#sorted ??= [...this.#items.values()].sort((a, b) => a.seq - b.seq);
    return this.#sorted;
  }

  messages() {
    return this.items().filter(({ kind }) => kind === "message");
  }

  get(seq) {
    return this.#items.get(seq) ?? null;
  }

  has(seq) {
    return this.#items.has(seq);
  }

  /** The seq of the oldest, and of the newest, message; null if there is none. */
  get oldest() {
    return this.items().find(({ kind }) => kind === "message")?.seq ?? null;
  }

  get newest() {
    return this.items().findLast(({ kind }) => kind === "message")?.seq ?? null;
  }

  /** Add or replace an item. */
  put(item) {
    const known = this.#items.has(item.seq);
    this.#items.set(item.seq, item);
    if (this.#sorted === null) return;
    if (known) this.#sorted[this.#indexOf(item.seq)] = item;
    else if (item.seq > (this.#sorted.at(-1)?.seq ?? 0)) this.#sorted.push(item);
    else this.#sorted = null;
  }

  /** Drop the oldest items beyond `keep`; they can be loaded again. */
  dropOldest(keep) {
    const extra = this.items().length - keep;
    if (extra <= 0) return [];
    const dropped = this.#sorted.splice(0, extra);
    for (const { seq } of dropped) this.#items.delete(seq);
    this.hasOlder = true;
    return dropped;
  }

  /** Drop what is more than `keep` items before a seq. */
  dropFarBefore(seq, keep) {
    const before = this.items().findIndex((item) => item.seq >= seq);
    this.dropOldest(this.size - Math.max(0, before - keep));
  }

  /** Drop the newest items beyond `keep`. */
  dropNewest(keep) {
    if (this.items().length <= keep) return;
    for (const { seq } of this.#sorted.splice(keep)) this.#items.delete(seq);
    this.hasNewer = true;
  }

  clear() {
    this.#items.clear();
    this.#sorted = [];
    this.hasOlder = false;
    this.hasNewer = false;
  }

  // Internal

  #indexOf(seq) {
    let low = 0;
    let high = this.#sorted.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#sorted[middle].seq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
