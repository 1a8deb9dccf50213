/**
 * The state of one room, built from its events.
 *
 * Pure: no socket, DOM, clock or storage; time is an argument. A subscription of
 * the client yields every event once and in order, and joins again by itself.
 *
 *     OUT ── joined ──▶ REPLAY ── caught_up ──▶ LIVE
 *      ▲                   │ reset: all state is dropped
 *      └─ onDisconnect() ──┴───── onRemoved() ────┘
 *
 * A room that the user only looks at is in PREVIEW from `onPreview()` on; `apply`
 * tells whether an event is missing there.
 */

import { Counts } from "./counts.js";
import { History } from "./history.js";
import { toMessage } from "./message.js";
import { Presence } from "./presence.js";

export const Phase = Object.freeze({
  OUT: "out", PREVIEW: "preview", REPLAY: "replay", LIVE: "live",
});
export const Applied = Object.freeze({ YES: "applied", OLD: "old", GAP: "gap" });

// Newest messages that a subscription without a cursor begins with.
export const FIRST_PAGE_MESSAGES = 50;

// After missing more events than this, start over with the newest page instead
// of replaying hours of events. The server's replay has no limit of its own;
// the subscription asks for this one.
export const CATCH_UP_EVENTS = 200;

// Event types that are shown as a line of their own.
const NOTICES = new Set([
  "room.created", "room.updated", "room.archived", "room.reopened",
  "member.joined", "member.left", "member.updated", "message.pinned", "user.erased",
]);

// Event types that change who is a member, or how.
const MEMBERSHIP = new Set(["member.joined", "member.left", "member.updated", "user.erased"]);

// Event types that change which messages are pinned.
const PINS = new Set(["message.pinned", "message.unpinned", "message.deleted"]);

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
  slowModeSeconds = 0;
  // The lowest role that may mention everybody.
  roomMentionRole = "moderator";
  // What to notify of: "all", "mentions" or "none".
  level = "mentions";
  presence = new Presence();
  history = new History();
  counts;
  // Go up when members come, go or change, and when messages are pinned or unpinned.
  membersVersion = 0;
  pinsVersion = 0;
  // Whether the user has marked messages as unread: until the room is opened anew, looking
  // at them doesn't change that.
  keepsUnread = false;
  // Why the server refused the join, as a sentence for the user; null if it didn't.
  refused = null;

  #me;

  constructor(name, me) {
    this.name = name;
    this.#me = me;
    this.counts = new Counts(me);
  }

  // State from HTTP, or from `welcome.rooms`

  update(summary) {
    this.title = summary.title;
    this.kind = summary.kind;
    this.with = summary.with ?? null;
    this.archived = summary.archived;
    this.member = Boolean(summary.member);
    this.role = summary.role ?? null;
    this.slowModeSeconds = summary.slow_mode_seconds ?? 0;
    this.roomMentionRole = summary.room_mention_role;
    this.level = summary.notifications ?? this.level;
    if (this.member) this.setCounts(summary);
  }

  /** Set the server's counts: `read`, `unread` and `mentions`, as of a seq. Older ones are ignored. */
  setCounts(counts) {
    this.counts.set(counts);
  }

  /** The user's marker was placed where they wanted it, here or on another device. */
  onReadPlaced(counts) {
    if (counts.read !== this.counts.read) this.keepsUnread = counts.read < this.counts.read;
    this.counts.replace(counts);
  }

  // Joining

  /** The options of a subscription that goes on from here. */
  subscribe() {
    // What there is of an interrupted first page is not continued.
    if (this.cursor === null) this.reset();
    this.phase = Phase.OUT;
    this.refused = null;
    const since = this.cursor === null ? null : { seq: this.cursor, epoch: this.epoch ?? "" };
    return { since, history: FIRST_PAGE_MESSAGES, catchUp: CATCH_UP_EVENTS };
  }

  onJoined(frame) {
    this.phase = Phase.REPLAY;
    this.epoch = frame.epoch;
    this.role = frame.role;
    this.member = frame.role !== null;
    this.presence.onJoined(frame);
    if (this.member) this.setCounts(frame);
  }

  /** The newest page of a room that the user looks at without being a member. */
  onPreview(page) {
    this.reset();
    this.phase = Phase.PREVIEW;
    this.cursor = page.head;
    this.epoch = page.epoch;
    this.history.addOlder(page);
  }

  // What is held belongs to another history, or is too old to resume from: drop it.
  reset() {
    this.phase = Phase.OUT;
    this.cursor = null;
    this.epoch = null;
    this.history.clear();
    this.counts.clear();
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
    this.counts.clear();
  }

  // Events and signals

  /** Everything up to `seq` has come. */
  onCaughtUp({ seq }) {
    if (this.cursor === null) this.history.live.hasOlder = this.history.live.messages().length >= FIRST_PAGE_MESSAGES;
    this.cursor = seq;
    this.phase = Phase.LIVE;
  }

  /** Apply an event; GAP: events before it are missing, and nothing was applied. */
  apply(event) {
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
      if (frame.unread !== undefined) {
        this.onReadPlaced({ ...frame, read: frame.seq });
      } else if (frame.seq >= (this.cursor ?? 0)) {
        // Read in another tab. The frame has no counts, but nothing after its seq
        // can be read.
        this.setCounts({ read: frame.seq, unread: 0, mentions: 0, as_of: frame.seq });
      }
    }
  }

  // State for display

  items() {
    return this.history.items();
  }

  get(seq) {
    return this.history.get(seq);
  }

  /** Request ids of the user's own messages, which are no longer unsent. */
  ownIds() {
    return new Set(this.history.live.messages().filter(({ by }) => by === this.#me).map(({ id }) => id));
  }

  get read() {
    return this.counts.read;
  }

  get unread() {
    return this.member ? this.counts.unread(this.history.live) : 0;
  }

  get mentions() {
    return this.member ? this.counts.mentions(this.history.live, this.level !== "none") : 0;
  }

  get isModerator() {
    return this.kind !== "direct" && ["owner", "moderator"].includes(this.role);
  }

  /** Whether the user's `@all` mentions everybody in the room. */
  get maySayAll() {
    const ranks = ["member", "moderator", "owner"];
    return this.kind !== "direct" && ranks.indexOf(this.role) >= ranks.indexOf(this.roomMentionRole);
  }

  // Internal

  #applyEvent(event) {
    if (event.type === "message.created") {
      this.history.add(toMessage(event));
      this.presence.stopsTyping(event.by);
      return;
    }
    if (MEMBERSHIP.has(event.type)) this.#onMembership(event);
    if (event.type === "room.updated") {
      this.title = event.title ?? this.title;
      this.slowModeSeconds = event.slow_mode_seconds ?? this.slowModeSeconds;
      this.roomMentionRole = event.room_mention_role ?? this.roomMentionRole;
    }
    if (event.type === "room.archived") this.archived = true;
    if (event.type === "room.reopened") this.archived = false;
    if (event.type === "user.erased") this.history.rename(event.user, event.as);
    if (NOTICES.has(event.type)) this.history.add({ ...event, kind: "notice" });
    if (PINS.has(event.type)) this.pinsVersion += 1;
    if (event.ref !== undefined) this.history.change(event);
  }

  #onMembership(event) {
    this.membersVersion += 1;
    if (event.user !== this.#me) return;
    if (event.type === "member.updated") this.role = event.role ?? this.role;
    if (event.type === "member.joined") this.member = true;
  }
}
