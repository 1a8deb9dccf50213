/**
 * The state of one room, built from frames.
 *
 * Pure: no socket, DOM, clock or storage; time is an argument. `apply` tells
 * whether an event is missing. The rule is the protocol's: apply
 * `seq == cursor + 1`, ignore `seq <= cursor`, and on a gap join again with
 * `since = cursor`.
 *
 *     OUT ── startJoin() ──▶ JOINING ── joined ──▶ REPLAY ── caught_up ──▶ LIVE
 *      ▲                        │ reset: all state is dropped
 *      └──── onDisconnect() ────┴─────────── onRemoved() ─────────────────┘
 *
 * A room that the user only looks at is in PREVIEW from `onPreview()` on, and
 * applies events by the same rule.
 */

import { toMessage, changesFrom } from "./message.js";
import { Presence } from "./presence.js";

export const Phase = Object.freeze({ OUT: "out", PREVIEW: "preview", JOINING: "joining", REPLAY: "replay", LIVE: "live" });
export const Applied = Object.freeze({ YES: "applied", OLD: "old", GAP: "gap" });

// Newest messages requested by a join without `since`.
export const FIRST_PAGE_MESSAGES = 50;

// After missing more events than this, start over with the newest page instead
// of replaying hours of events. The server's replay has no limit of its own;
// the join asks for this one.
export const CATCH_UP_EVENTS = 200;

// Unread counts are capped: 100 is shown as "99+".
export const UNREAD_CAP = 100;

// Changes to messages not held here are kept for a page of history in flight
// that was read before them. Beyond this many, the oldest are dropped.
const MAX_UNAPPLIED_CHANGES = 500;

const NO_COUNTS = Object.freeze({ unread: 0, mentions: 0, asOf: 0 });

// Event types that are shown as a line of their own.
const NOTICES = new Set([
  "room.created", "room.updated", "room.archived", "room.reopened",
  "member.joined", "member.left", "member.updated", "message.pinned", "user.erased",
]);

export class Room {
  phase = Phase.OUT;
  // The last seq applied; null until the first replay is complete.
  cursor = null;
  epoch = null;
  title = null;
  // Null until the server has sent it.
  kind = null;
  // The other user of a direct room.
  with = null;
  archived = false;
  member = false;
  role = null;
  read = 0;
  presence = new Presence();
  // Whether there may be messages older than those held here.
  hasOlder = false;
  // Why the server refused the join, as a sentence for the user; null if it didn't.
  refused = null;

  #me;
  // seq → message or notice. A message has `kind: "message"`.
  #items = new Map();
  // The items in order; null after one was added or dropped.
  #sorted = null;
  #unappliedChanges = [];
  // Counts from the server, and the seq that they are as of.
  #counts = NO_COUNTS;

  constructor(name, me) {
    this.name = name;
    this.#me = me;
  }

  // State from HTTP, or from `welcome.rooms`

  update(summary) {
    this.title = summary.title;
    this.kind = summary.kind;
    this.with = summary.with ?? null;
    this.archived = summary.archived;
    this.member = summary.member;
    this.role = summary.role ?? null;
    if (this.member) this.setCounts(summary);
  }

  /** Set the server's counts: `read`, `unread` and `mentions`, as of a seq. Older ones are ignored. */
  setCounts({ read, unread, mentions, as_of: asOf }) {
    if (asOf < this.#counts.asOf) return;
    this.read = Math.max(this.read, read);
    this.#counts = { unread, mentions, asOf };
  }

  // Joining

  startJoin() {
    // An interrupted first page may be followed by a gap.
    if (this.cursor === null) this.reset();
    this.phase = Phase.JOINING;
    this.refused = null;
    return this.cursor === null
      ? { limit: FIRST_PAGE_MESSAGES }
      : { since: this.cursor, ...(this.epoch && { epoch: this.epoch }), limit: CATCH_UP_EVENTS };
  }

  /** The newest page of a room that the user looks at without being a member. */
  onPreview(page) {
    this.reset();
    this.phase = Phase.PREVIEW;
    this.cursor = page.head;
    this.addOlder(page);
  }

  onJoined(frame) {
    this.phase = Phase.REPLAY;
    this.epoch = frame.epoch;
    this.role = frame.role;
    this.member = frame.role !== null;
    this.presence.onJoined(frame);
    if (this.member) this.setCounts(frame);
  }

  // What is held belongs to another history, or is too old to resume from: drop it.
  reset() {
    this.phase = Phase.OUT;
    this.cursor = null;
    this.epoch = null;
    this.hasOlder = false;
    this.#items.clear();
    this.#sorted = null;
    this.#unappliedChanges = [];
    this.#counts = NO_COUNTS;
  }

  onDisconnect() {
    this.phase = Phase.OUT;
    this.presence.onDisconnect();
  }

  onRemoved() {
    this.onDisconnect();
    this.member = false;
    this.role = null;
    this.presence.clear();
    this.#counts = NO_COUNTS;
  }

  // Events and signals

  /** Apply an event, or `caught_up`; GAP means that the room must be joined again. */
  apply(event) {
    if (event.type === "caught_up") return this.#onCaughtUp(event);
    if (this.cursor === null) {
      // Seqs of the newest page may jump; `caught_up` sets the cursor.
      if (this.phase !== Phase.REPLAY) return Applied.OLD;
    } else {
      if (event.seq <= this.cursor) return Applied.OLD;
      if (event.seq !== this.cursor + 1) return Applied.GAP;
      this.cursor = event.seq;
    }
    this.#applyEvent(event);
    return Applied.YES;
  }

  applySignal(frame, now) {
    if (frame.type === "typing") {
      if (frame.by !== this.#me) this.presence.applyTyping(frame, now);
    } else if (frame.type === "presence") {
      this.presence.apply(frame);
    } else if (frame.type === "read" && frame.by === this.#me) {
      // Read in another tab. The frame has no counts, but nothing after its
      // seq can be read.
      if (frame.seq >= (this.cursor ?? 0)) {
        this.setCounts({ read: frame.seq, unread: 0, mentions: 0, as_of: frame.seq });
      }
    }
  }

  /** Add a page of history: messages as of `head`, oldest first. */
  addOlder({ messages, head, has_older: hasOlder }) {
    for (const message of messages) {
      if (!this.#items.has(message.seq)) this.#put(toMessage(message));
    }
    for (const event of this.#unappliedChanges.filter(({ seq }) => seq > head)) this.#change(event);
    this.#unappliedChanges = this.#unappliedChanges.filter(({ ref }) => !this.#items.has(ref));
    this.hasOlder = hasOlder;
  }

  /** Drop the oldest items beyond `keep`; they can be loaded again. */
  trim(keep) {
    const extra = this.items().length - keep;
    if (extra <= 0) return;
    for (const { seq } of this.items().slice(0, extra)) this.#items.delete(seq);
    this.#sorted = null;
    this.hasOlder = true;
  }

  // State for display

  items() {
    this.#sorted ??= [...this.#items.values()].sort((a, b) => a.seq - b.seq);
    return this.#sorted;
  }

  get(seq) {
    return this.#items.get(seq) ?? null;
  }

  /** Request ids of the user's own messages, which are no longer unsent. */
  ownIds() {
    return new Set(this.#messages().filter(({ by }) => by === this.#me).map(({ id }) => id));
  }

  get oldest() {
    return this.#messages()[0]?.seq ?? null;
  }

  get unread() {
    if (!this.member) return 0;
    const { unread, asOf } = this.#counts;
    return Math.min(UNREAD_CAP, unread + this.#newFromOthers(asOf).length);
  }

  get mentions() {
    if (!this.member) return 0;
    const { mentions, asOf } = this.#counts;
    const named = this.#newFromOthers(asOf).filter((item) => item.mentions.includes(this.#me));
    return Math.min(UNREAD_CAP, mentions + named.length);
  }

  // Internal

  #onCaughtUp({ seq }) {
    // The end of a replay that a later join has replaced.
    if (this.phase !== Phase.REPLAY) return Applied.OLD;
    if (this.cursor === null) {
      this.hasOlder = this.#messages().length >= FIRST_PAGE_MESSAGES;
      this.cursor = seq;
    }
    if (this.cursor < seq) return Applied.GAP;
    this.phase = Phase.LIVE;
    return Applied.YES;
  }

  #applyEvent(event) {
    if (event.type === "message.created") {
      this.#put(toMessage(event));
      this.presence.stopsTyping(event.by);
      return;
    }
    if (event.type === "room.updated") this.title = event.title ?? this.title;
    if (event.type === "room.archived") this.archived = true;
    if (event.type === "room.reopened") this.archived = false;
    if (event.type === "member.updated" && event.user === this.#me) this.role = event.role ?? this.role;
    if (event.type === "member.joined" && event.user === this.#me) this.member = true;
    if (event.type === "user.erased") this.#rename(event.user, event.as);
    if (NOTICES.has(event.type)) this.#put({ ...event, kind: "notice" });
    if (event.ref !== undefined) this.#change(event);
  }

  #change(event) {
    const message = this.#items.get(event.ref);
    if (message?.kind === "message") this.#put({ ...message, ...changesFrom(event, message) });
    else this.#unappliedChanges = [...this.#unappliedChanges.slice(1 - MAX_UNAPPLIED_CHANGES), event];
  }

  #rename(user, as) {
    for (const item of this.#items.values()) {
      const changed = Object.fromEntries(["by", "user"].filter((key) => item[key] === user).map((key) => [key, as]));
      if (Object.keys(changed).length > 0) this.#put({ ...item, ...changed });
    }
  }

  #put(item) {
    this.#items.set(item.seq, item);
    this.#sorted = null;
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
