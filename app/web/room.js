/**
 * One room as this page knows it: state from frames.
 *
 * Pure: no socket, no DOM, no clock, no storage; time is an argument. Feed it
 * what the server said, and it tells whether anything is missing. The rule is
 * the protocol's: apply `seq == cursor + 1`, ignore `<= cursor`, and on a jump
 * join again with `since = cursor`.
 *
 *     OUT ── joining() ──▶ JOINING ── joined ──▶ REPLAY ── caught_up ──▶ LIVE
 *      ▲                      │ reset: everything held is dropped
 *      └──── disconnected() ──┴──────────── removed ───────────────────────┘
 */

import { asMessage, changedBy } from "./message.js";

export const Phase = Object.freeze({ OUT: "out", JOINING: "joining", REPLAY: "replay", LIVE: "live" });
export const Applied = Object.freeze({ YES: "applied", OLD: "old", GAP: "gap" });

// The newest messages that a join without `since` asks for.
export const FIRST_PAGE_MESSAGES = 50;

// Whoever missed more events than this starts over with the newest page, and
// scrolls back for the rest, rather than watch hours go by. (A replay has no
// limit of its own; this is what we ask for.)
export const CATCH_UP_EVENTS = 200;

// Unread counts stop here: 100 is shown as "99+".
export const UNREAD_CAP = 100;

// Changes to messages that we don't hold are kept for a page of history that
// may still be on its way, read before they happened. Older ones can't matter.
const LOOSE_CHANGES = 500;

// A typist who says nothing more has stopped: twice the resend interval.
const TYPING_MS = 6_000;

const NOTHING = Object.freeze({ unread: 0, mentions: 0, asOf: 0 });

// Event types that people see as a line of their own.
const NOTICES = new Set([
  "room.created", "room.updated", "room.archived", "room.reopened",
  "member.joined", "member.left", "member.updated", "message.pinned",
]);

export class Room {
  phase = Phase.OUT;
  // The last seq applied; null until the first replay is over.
  cursor = null;
  epoch = null;
  title = null;
  // Null until the server has told.
  kind = null;
  // The other one of a direct room.
  with = null;
  archived = false;
  member = false;
  role = null;
  read = 0;
  presentCount = 0;
  // May there be messages before those that we hold?
  hasOlder = false;
  // Why the server refused us, in words for people; null if it didn't.
  refused = null;

  #me;
  // seq → message or notice. A message has `kind: "message"`.
  #items = new Map();
  // The items in order, until one is added or dropped.
  #sorted = null;
  #loose = [];
  #present = new Set();
  #typing = new Map();
  // What the server counted, and the seq up to which it did.
  #counted = NOTHING;

  constructor(name, me) {
    this.name = name;
    this.#me = me;
  }

  // What the server told over HTTP, or in `welcome.rooms`

  describe(summary) {
    this.title = summary.title;
    this.kind = summary.kind;
    this.with = summary.with ?? null;
    this.archived = summary.archived;
    this.member = summary.member;
    this.role = summary.role ?? null;
    if (this.member) this.counted(summary);
  }

  /** What the server counted for us: `read`, `unread` and `mentions`, as of a seq. */
  counted({ read, unread, mentions, as_of: asOf }) {
    if (asOf < this.#counted.asOf) return;
    this.read = Math.max(this.read, read);
    this.#counted = { unread, mentions, asOf };
  }

  // Joining

  joining() {
    // A first page that broke off may have a hole behind it.
    if (this.cursor === null) this.reset();
    this.phase = Phase.JOINING;
    this.refused = null;
    return this.cursor === null
      ? { limit: FIRST_PAGE_MESSAGES }
      : { since: this.cursor, epoch: this.epoch, limit: CATCH_UP_EVENTS };
  }

  joined(frame) {
    this.phase = Phase.REPLAY;
    this.epoch = frame.epoch;
    this.role = frame.role;
    this.member = frame.role !== null;
    this.#present = new Set(frame.present ?? []);
    this.presentCount = frame.present_count;
    this.#typing.clear();
    if (this.member) this.counted(frame);
  }

  // What we hold is of another history, or too old to be continued: drop it.
  reset() {
    this.phase = Phase.OUT;
    this.cursor = null;
    this.epoch = null;
    this.hasOlder = false;
    this.#items.clear();
    this.#sorted = null;
    this.#loose = [];
    this.#counted = NOTHING;
  }

  disconnected() {
    this.phase = Phase.OUT;
    this.#typing.clear();
  }

  removed() {
    this.disconnected();
    this.member = false;
    this.role = null;
    this.#present.clear();
    this.presentCount = 0;
    this.#counted = NOTHING;
  }

  // Events and signals

  /** Take an event, or `caught_up`; GAP asks for another join. */
  apply(event) {
    if (event.type === "caught_up") return this.#caughtUp(event);
    if (this.cursor === null) {
      // The newest page, whose numbers may jump; `caught_up` sets the cursor.
      if (this.phase !== Phase.REPLAY) return Applied.OLD;
    } else {
      if (event.seq <= this.cursor) return Applied.OLD;
      if (event.seq !== this.cursor + 1) return Applied.GAP;
      this.cursor = event.seq;
    }
    this.#take(event);
    return Applied.YES;
  }

  signal(frame, now) {
    if (frame.type === "typing") {
      if (frame.on && frame.by !== this.#me) this.#typing.set(frame.by, now + TYPING_MS);
      else this.#typing.delete(frame.by);
    } else if (frame.type === "presence") {
      this.#presence(frame);
    } else if (frame.type === "read" && frame.by === this.#me) {
      // Another tab of ours has read on. What it counted isn't said, but
      // nothing after its seq can be read.
      if (frame.seq >= (this.cursor ?? 0)) {
        this.counted({ read: frame.seq, unread: 0, mentions: 0, as_of: frame.seq });
      }
    }
  }

  // A page of history: messages as they were at `head`, oldest first
  older({ messages, head, has_older: hasOlder }) {
    for (const message of messages) {
      if (!this.#items.has(message.seq)) this.#put(asMessage(message));
    }
    for (const event of this.#loose.filter(({ seq }) => seq > head)) this.#change(event);
    this.#loose = this.#loose.filter(({ ref }) => !this.#items.has(ref));
    this.hasOlder = hasOlder;
  }

  // Forget the oldest items beyond `keep`; they can be paged back.
  trim(keep) {
    const extra = this.items().length - keep;
    if (extra <= 0) return;
    for (const { seq } of this.items().slice(0, extra)) this.#items.delete(seq);
    this.#sorted = null;
    this.hasOlder = true;
  }

  // What is shown

  items() {
    this.#sorted ??= [...this.#items.values()].sort((a, b) => a.seq - b.seq);
    return this.#sorted;
  }

  get(seq) {
    return this.#items.get(seq) ?? null;
  }

  /** The request ids of my messages: what needn't be shown as unsent any more. */
  ownIds() {
    return new Set(this.#messages().filter(({ by }) => by === this.#me).map(({ id }) => id));
  }

  get oldest() {
    return this.#messages()[0]?.seq ?? null;
  }

  get unread() {
    if (!this.member) return 0;
    const { unread, asOf } = this.#counted;
    return Math.min(UNREAD_CAP, unread + this.#newFromOthers(asOf).length);
  }

  get mentions() {
    if (!this.member) return 0;
    const { mentions, asOf } = this.#counted;
    const named = this.#newFromOthers(asOf).filter((item) => item.mentions.includes(this.#me));
    return Math.min(UNREAD_CAP, mentions + named.length);
  }

  present() {
    return [...this.#present].sort();
  }

  typists(now) {
    for (const [name, until] of this.#typing) if (until <= now) this.#typing.delete(name);
    return [...this.#typing.keys()].sort();
  }

  // Internal

  #caughtUp({ seq }) {
    // The end of a replay that another join has overtaken.
    if (this.phase !== Phase.REPLAY) return Applied.OLD;
    if (this.cursor === null) {
      this.hasOlder = this.#messages().length >= FIRST_PAGE_MESSAGES;
      this.cursor = seq;
    }
    if (this.cursor < seq) return Applied.GAP;
    this.phase = Phase.LIVE;
    return Applied.YES;
  }

  #take(event) {
    if (event.type === "message.created") {
      this.#put(asMessage(event));
      this.#typing.delete(event.by);
      return;
    }
    if (event.type === "room.updated") this.title = event.title ?? this.title;
    if (event.type === "room.archived") this.archived = true;
    if (event.type === "room.reopened") this.archived = false;
    if (event.type === "member.updated" && event.user === this.#me) this.role = event.role ?? this.role;
    if (event.type === "member.joined" && event.user === this.#me) this.member = true;
    if (NOTICES.has(event.type)) this.#put({ ...event, kind: "notice" });
    if (event.ref !== undefined) this.#change(event);
  }

  #change(event) {
    const message = this.#items.get(event.ref);
    if (message?.kind === "message") this.#put({ ...message, ...changedBy(event, message) });
    else this.#loose = [...this.#loose.slice(1 - LOOSE_CHANGES), event];
  }

  #put(item) {
    this.#items.set(item.seq, item);
    this.#sorted = null;
  }

  #presence({ by, online, count }) {
    if (count !== undefined) this.#present.clear();
    else if (online) this.#present.add(by);
    else this.#present.delete(by);
    this.presentCount = count ?? this.#present.size;
  }

  #messages() {
    return this.items().filter(({ kind }) => kind === "message");
  }

  #newFromOthers(asOf) {
    return this.#messages().filter(
      ({ seq, by, text }) => seq > asOf && by !== this.#me && text !== null,
    );
  }
}
