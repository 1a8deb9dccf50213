/**
 * The messages of a room that the page holds. Pure.
 *
 * `live` ends with the room's newest event. Someone who reads far back looks at
 * another stretch, `past`, which is apart from it: between them is what was
 * never loaded. As the two meet, they become one. Both are bounded, so that a
 * room takes the same memory after 100,000 messages.
 */

import { changesFrom, toMessage } from "./message.js";
import { Timeline } from "./timeline.js";

// Items that are held while someone reads (further ones are loaded again), and how many of them remain
// with the end of the room when reading goes far back.
const PAGE_BOUNDS = { items: 1_500, liveItems: 300 };

// Changes to messages not held here are kept for a page of history in flight
// that was read before them. Beyond this many, the oldest are dropped.
const MAX_UNAPPLIED_CHANGES = 500;

export class History {
  live = new Timeline();

  #past = null;
  #unappliedChanges = [];
  #bounds;

  /** @param bounds `{items, liveItems}`, if not those of the page. */
  constructor(bounds = PAGE_BOUNDS) {
    this.#bounds = bounds;
  }

  /** The stretch on display. */
  get shown() {
    return this.#past ?? this.live;
  }

  get isAtLive() {
    return this.#past === null;
  }

  get hasOlder() {
    return this.shown.hasOlder;
  }

  get hasNewer() {
    return this.shown.hasNewer;
  }

  items() {
    return this.shown.items();
  }

  get(seq) {
    return this.shown.get(seq) ?? this.live.get(seq);
  }

  /** A new message or notice at the end of the room. */
  add(item) {
    this.live.put(item);
  }

  /** An event about an earlier message. */
  change(event) {
    const holders = [this.live, this.#past].filter((timeline) => timeline?.get(event.ref)?.kind === "message");
    for (const timeline of holders) changeIn(timeline, event);
    if (holders.length === 0) {
      this.#unappliedChanges = [...this.#unappliedChanges.slice(1 - MAX_UNAPPLIED_CHANGES), event];
    }
  }

  /** An account was erased: its messages and what it did are by `as` now. */
  rename(user, as) {
    for (const timeline of [this.live, this.#past]) if (timeline !== null) renameIn(timeline, user, as);
  }

  // Pages of history: messages as of `head`, oldest first

  /** Add a page before the stretch on display. */
  addOlder(page) {
    this.#addTo(this.shown, page);
    this.shown.hasOlder = page.has_older;
    if (this.shown.size <= this.#bounds.items) return;
    if (this.#past === null) this.#split();
    else this.#past.dropNewest(this.#bounds.items);
  }

  /** Add a page after the stretch on display. */
  addNewer(page) {
    if (this.#past === null) return;
    this.#addTo(this.#past, page);
    this.#past.hasNewer = page.has_newer;
    this.#meet();
    if (this.#past !== null) this.#past.dropOldest(this.#bounds.items);
  }

  /** Show a page from anywhere in the room. */
  show(page) {
    this.#past = new Timeline();
    this.#addTo(this.#past, page);
    this.#past.hasOlder = page.has_older;
    this.#past.hasNewer = page.has_newer;
    this.#meet();
  }

  /** Show the end of the room again. */
  showLive() {
    this.#past = null;
  }

  /** The end of the room is on display, or the room is not: hold no more than needed. */
  trim(keep) {
    if (this.#past === null) this.live.dropOldest(keep);
  }

  /**
   * More has come while someone reads further up: what is shown begins with `seq`. Hold what surrounds
   * it, and the end of the room.
   */
  bound(seq) {
    const { items, liveItems } = this.#bounds;
    if (this.#past !== null) {
      this.live.dropOldest(liveItems);
      return;
    }
    if (this.live.size <= items) return;
    this.live.dropFarBefore(seq, liveItems);
    if (this.live.size > items) this.#split();
  }

  clear() {
    this.live.clear();
    this.#past = null;
    this.#unappliedChanges = [];
  }

  // Internal

  #addTo(timeline, { messages, head }) {
    for (const message of messages) {
      // What is held here already may be newer than the page.
      if (!timeline.has(message.seq)) timeline.put(this.live.get(message.seq) ?? toMessage(message));
    }
    const known = ({ ref }) => timeline.get(ref)?.kind === "message";
    for (const event of this.#unappliedChanges.filter(known)) {
      if (event.seq > head) changeIn(timeline, event);
    }
    this.#unappliedChanges = this.#unappliedChanges.filter((event) => !known(event));
  }

  // The past has reached what follows it: from here on they are one stretch.
  #meet() {
    const first = this.live.oldest;
    const meets = first === null ? !this.#past.hasNewer : (this.#past.newest ?? 0) >= first || !this.#past.hasNewer;
    if (!meets) return;
    for (const item of this.#past.items()) if (!this.live.has(item.seq)) this.live.put(item);
    this.live.hasOlder = this.#past.hasOlder;
    this.#past = null;
  }

  // Reading has gone far back from the end: keep the end apart.
  #split() {
    const past = new Timeline();
    for (const item of this.live.items()) past.put(item);
    past.hasOlder = this.live.hasOlder;
    past.dropNewest(this.#bounds.items - this.#bounds.liveItems);
    this.#past = past;
    this.live.dropOldest(this.#bounds.liveItems);
  }
}

function changeIn(timeline, event) {
  const message = timeline.get(event.ref);
  timeline.put({ ...message, ...changesFrom(event, message) });
}

function renameIn(timeline, user, as) {
  for (const item of timeline.items()) {
    const named = ["by", "user"].filter((key) => item[key] === user);
    if (named.length > 0) timeline.put({ ...item, ...Object.fromEntries(named.map((key) => [key, as])) });
  }
}
