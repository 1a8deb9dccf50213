/**
 * How much of a room is unread: the server's counts, and what came after them. Pure.
 */

// The server's counts are capped: 100 is shown as "99+".
export const UNREAD_CAP = 100;

const NONE = Object.freeze({ unread: 0, mentions: 0, asOf: 0 });

export class Counts {
  /** The user's read marker, a seq. */
  read = 0;

  #me;
  // Counts from the server, and the seq that they are as of.
  #server = NONE;

  constructor(me) {
    this.#me = me;
  }

  /** Set the server's counts. Older ones than those known are ignored. */
  set(counts) {
    if (counts.as_of >= this.#server.asOf) this.replace(counts);
  }

  /** Take the server's counts as they are: the marker was placed, perhaps further back. */
  replace({ read, unread, mentions, as_of: asOf }) {
    this.read = read;
    this.#server = { unread, mentions, asOf };
  }

  clear() {
    this.#server = NONE;
  }

  unread(timeline) {
    return Math.min(UNREAD_CAP, this.#server.unread + this.#after(timeline).length);
  }

  /** @param ofRoom whether a mention of the whole room counts. */
  mentions(timeline, ofRoom = true) {
    const named = this.#after(timeline).filter((item) => (
      item.mentions.includes(this.#me) || (ofRoom && item.mentionsRoom !== null)
    ));
    return Math.min(UNREAD_CAP, this.#server.mentions + named.length);
  }

  // Internal

  // Messages of others that are newer than the server's counts: the last ones.
  #after(timeline) {
    const found = [];
    const items = timeline.items();
    for (let index = items.length - 1; index >= 0 && items[index].seq > this.#server.asOf; index -= 1) {
      const { kind, by, text } = items[index];
      if (kind === "message" && by !== this.#me && text !== null) found.push(items[index]);
    }
    return found;
  }
}
