/**
 * Keeps what is being read where it is while rows around it come, go and change.
 * The browser's own anchoring is off: it doesn't know which rows stay.
 */

export class ScrollAnchor {
  #log;
  #list;

  constructor(log, list) {
    this.#log = log;
    this.#list = list;
  }

  /** The first row in view, and those after it, with their distance from the top. */
  take() {
    const rows = this.#list.children;
    const first = this.#firstInView();
    const top = this.#top;
    const places = [];
    // The row itself may be replaced: some others are there to go by. Days and the line above
    // what is new may move.
    for (let index = first; index < Math.min(first + 8, rows.length); index += 1) {
      const { seq } = rows[index].dataset;
      if (seq) places.push({ row: rows[index], seq, top: rows[index].getBoundingClientRect().top - top });
    }
    return places;
  }

  restore(places) {
    for (const { row, seq, top } of places) {
      const now = row.isConnected ? row : seq && this.#list.querySelector(`[data-seq="${seq}"]`);
      if (!now) continue;
      const moved = now.getBoundingClientRect().top - this.#top - top;
      if (Math.abs(moved) >= 1) this.#log.scrollTop += moved;
      return;
    }
  }

  /** The seq of the first message in view, or undefined. */
  get seq() {
    const rows = [...this.#list.children].slice(this.#firstInView());
    const seq = rows.find((row) => row.dataset.seq !== undefined)?.dataset.seq;
    return seq === undefined ? undefined : Number(seq);
  }

  /** The first row whose seq is not below `seq`, or null. */
  rowFrom(seq) {
    return [...this.#list.children].find((row) => Number(row.dataset.seq) >= seq) ?? null;
  }

  isAbove(row) {
    return row.getBoundingClientRect().bottom < this.#top;
  }

  scrollTo(row, block) {
    row?.scrollIntoView({ block });
  }

  // Internal

  get #top() {
    return this.#log.getBoundingClientRect().top;
  }

  // Rows are in order: halving reads few positions of many.
  #firstInView() {
    const rows = this.#list.children;
    const top = this.#top;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].getBoundingClientRect().bottom <= top) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
