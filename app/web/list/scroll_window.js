/**
 * Which part of a long list of items is in the page. Pure.
 *
 * Items are named by their seq, not their place, so that what is added before
 * or after moves nothing. Those that are not sent yet have none; they are last.
 */

// Items in the page at once, and how many come and go on scrolling to its edge.
export const SHOWN_ITEMS = 240;
const STEP_ITEMS = 80;

export class ScrollWindow {
  // The seq of the first item in the page; null: the last items are in the page.
  #from = null;

  get followsEnd() {
    return this.#from === null;
  }

  /** The seq of the first item in the page, or null while the last items are. */
  get from() {
    return this.#from;
  }

  slice(items) {
    const start = this.#start(items);
    return { start, end: Math.min(items.length, start + SHOWN_ITEMS), items: items.slice(start, start + SHOWN_ITEMS) };
  }

  /** Show the last items, now and when more are added. */
  followEnd() {
    this.#from = null;
  }

  /** Keep showing the present items when more are added. */
  hold(items) {
    if (this.#from === null) this.#from = items[this.#start(items)]?.seq ?? null;
  }

  /** Show the items around a seq. */
  centre(items, seq) {
    const index = indexFrom(items, seq);
    this.#from = items[Math.max(0, index - (SHOWN_ITEMS >> 1))]?.seq ?? null;
  }

  /** Move towards older items; returns whether there were any. */
  moveUp(items) {
    const start = this.#start(items);
    if (start === 0) return false;
    this.#from = items[Math.max(0, start - STEP_ITEMS)].seq ?? null;
    return true;
  }

  /** Move towards newer items; returns whether there were any. */
  moveDown(items) {
    const start = this.#start(items);
    if (start + SHOWN_ITEMS >= items.length) return false;
    this.#from = items[Math.min(start + STEP_ITEMS, items.length - SHOWN_ITEMS)].seq ?? null;
    return true;
  }

  // Internal

  #start(items) {
    const last = Math.max(0, items.length - SHOWN_ITEMS);
    return this.#from === null ? last : Math.min(indexFrom(items, this.#from), items.length === 0 ? 0 : items.length - 1);
  }
}

// The place of the first item that is not before `seq`.
function indexFrom(items, seq) {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((items[middle].seq ?? Infinity) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
