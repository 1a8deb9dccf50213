/**
 * One room: where the client has got to, and the events that the application has not taken yet.
 *
 *     IDLE ── join ──▶ JOINING ── joined ──▶ REPLAYING ── caught_up ──▶ LIVE
 *                         ▲                      │ full buffer            │
 *                         └──── room again ── BEHIND ◀────────────────────┘
 *
 * Applies the rules of docs/clients.md: strictly the next number, ignore what is known, join again on
 * a gap. An application that is slower than the room makes no buffer grow: the room is left when the
 * buffer is full, and joined again from there when half of it is taken.
 */

import { SavedCursor } from "./cursors.js";
import { RoomEnded, refused } from "./errors.js";
import { EventBuffer } from "./event_buffer.js";
import { randomId } from "./requests.js";

/** @import { Limits } from "./limits.js" */
/** @import { CursorStore, Cursor, Frame, Joined, RoomEvent, RoomLink, RoomOptions } from "./types.js" */

/** @typedef {"idle" | "joining" | "replaying" | "live" | "behind" | "ended"} Phase */

/**
 * The events of a room: `for await (const event of chat.room("general"))`. For one reader.
 *
 * An event counts as handled when the next one is asked for; then the cursor moves, and is saved.
 * Leaving the loop leaves the room. Ends when the client is closed. Throws `RoomEnded` if access ends,
 * after the last event, and `Refused` if the room can't be joined or the server ends the session.
 *
 * @implements {AsyncIterableIterator<RoomEvent>}
 */
export class Room {
  /** The last `joined`: role, members present, unread; null before the first. @type {Joined | null} */
  joined = null;

  #limits;
  #link;
  #saved;
  #history;
  #catchUp;
  #signal;
  #abort = () => this.leave();
  #events = new EventBuffer();
  // The last event in the buffer, or handled if that is empty. Null: begin with the newest.
  /** @type {number | null} */
  #received = null;
  #epoch = "";
  /** @type {Phase} */
  #phase = "idle";
  #isReady = false;
  /** @type {Promise<void> | null} */
  #loading = null;
  #joinId = "";
  // Whether the newest messages come, whose numbers may jump, and not every event.
  #isSnapshot = false;
  // Whether anything came since joining was last repeated.
  #hasProgress = true;
  /** @type {unknown} */
  #failure = null;

  /** @param {string} name @param {RoomOptions & { key: () => string, store: CursorStore, limits: Limits, link: RoomLink }} options */
  constructor(name, { key, store, limits, link, since = null, history = 0, catchUp = null, signal }) {
    this.name = name;
    this.#saved = new SavedCursor(store, key, limits.saveMs, (error) => this.end(error));
    this.#limits = limits;
    this.#link = link;
    this.#history = Math.min(history, 200);
    this.#catchUp = catchUp;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#abort);
    if (signal?.aborted) this.end(null);
    else if (since !== null) this.#begin(typeof since === "number" ? { seq: since, epoch: "" } : since);
  }

  /** The last event that was handled; null before the first join. */
  get cursor() {
    return this.#events.cursor;
  }

  /** Whether events come as they happen. */
  get isLive() {
    return this.#phase === "live";
  }

  /** Whether all that there is has come, or all that may be buffered. */
  get isCaughtUp() {
    return ["live", "behind", "ended"].includes(this.#phase);
  }

  /** Whether it is still open where this subscription begins. */
  get isStarting() {
    return this.#received === null && (this.#phase === "idle" || this.#phase === "joining");
  }

  /** End the subscription, and the iteration. The membership stays. Idempotent. */
  leave() {
    if (this.#phase === "ended") return;
    if (this.#phase !== "idle" && this.#phase !== "behind") this.#leaveConnection();
    this.end(null);
  }

  // For the application

  [Symbol.asyncIterator]() {
    return this;
  }

  /** The next event; the one before counts as handled. @returns {Promise<IteratorResult<RoomEvent, undefined>>} */
  async next() {
    this.#events.handled();
    this.#save(false);
    for (;;) {
      const value = this.#events.take();
      if (value !== null) {
        if (this.#phase === "behind" && this.#events.length <= this.#limits.bufferedEvents / 2) this.#join();
        return { done: false, value };
      }
      this.#save(true);
      if (this.#failure !== null) throw this.#failure;
      if (this.#phase === "ended") return { done: true, value: undefined };
      await this.#events.change(this.name);
    }
  }

  /** Leave: what a loop calls that is left. @returns {Promise<IteratorResult<RoomEvent, undefined>>} */
  async return() {
    this.#events.handled();
    this.leave();
    return { done: true, value: undefined };
  }

  // For the client

  /** There is a connection. */
  connected() {
    if (!this.#isReady) this.#loading ??= this.#load();
    else if (this.#phase === "idle") this.#join();
  }

  /** There is none any more. */
  disconnected() {
    if (this.#phase !== "behind" && this.#phase !== "ended") this.#phase = "idle";
  }

  /** Handle a frame about this room that is not an event. @param {Frame} frame */
  onFrame(frame) {
    const isOurs = frame.re === this.#joinId;
    if (frame.type === "removed") this.end(new RoomEnded(this.name, frame.reason));
    else if (isOurs && this.#phase === "joining") this.#onJoinAnswer(frame);
    else if (isOurs && this.#phase === "replaying" && frame.type === "caught_up") this.#onCaughtUp(frame);
  }

  /** Handle an event of this room. @param {Frame} frame */
  onEvent(frame) {
    // Of the subscription before this one: what it brings, the replay brings too.
    if (this.#phase !== "replaying" && this.#phase !== "live") return;
    const known = this.#received ?? 0;
    if (frame.seq <= known) return;
    if (this.#isSnapshot && this.#phase === "replaying") {
      if (this.#history) this.#onNext(frame);
    } else if (frame.seq === known + 1) {
      this.#onNext(frame);
    } else {
      this.#joinAgain();
    }
  }

  /** End the iteration: with a failure after what is buffered, else at once. @param {unknown} failure */
  end(failure) {
    if (this.#phase === "ended") return;
    if (failure === null) {
      this.#save(true);
      this.#events.clear();
    }
    this.#phase = "ended";
    this.#failure ??= failure;
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#link.forget(this);
    this.#events.wake();
  }

  // Joining

  async #load() {
    try {
      this.#begin(await this.#saved.load());
      this.connected();
    } catch (error) {
      this.end(error);
    }
  }

  /** @param {Cursor | null} since */
  #begin(since) {
    this.#events.cursor = since;
    this.#received = since?.seq ?? null;
    this.#epoch = since?.epoch ?? "";
    this.#isReady = true;
  }

  // Nothing happens without a connection.
  #join() {
    this.#joinId = randomId();
    this.#isSnapshot = this.#received === null;
    /** @type {Frame} */
    const frame = { type: "join", id: this.#joinId, room: this.name };
    if (this.#received === null) {
      frame.limit = Math.max(this.#history, 1);
    } else {
      frame.since = this.#received;
      if (this.#epoch) frame.epoch = this.#epoch;
      if (this.#catchUp !== null) frame.limit = this.#catchUp;
    }
    this.#phase = this.#link.write(frame) ? "joining" : "idle";
  }

  /** @param {Frame} frame */
  #onJoinAnswer(frame) {
    if (frame.type === "joined") {
      this.joined = /** @type {any} */ (frame);
      this.#epoch = frame.epoch;
      this.#phase = "replaying";
      // From now on: what is stored already does not count as news.
      if (this.#isSnapshot && !this.#history) this.#received = frame.head;
      this.#events.put(/** @type {any} */ (frame));
    } else if (frame.type === "reset") {
      this.#epoch = frame.epoch;
      // What was removed is gone for all clients; what is left can still be had.
      this.#received = frame.reason === "gone" && !this.#history ? frame.first - 1 : null;
      const cursor = this.#received === null ? null : { seq: this.#received, epoch: this.#epoch };
      this.#events.put(/** @type {any} */ (frame), cursor);
      this.#joinAgain();
    } else if (frame.type === "error") {
      const error = refused(frame);
      if (error.isTemporary) this.#joinLater(error.retryAfterMs ?? this.#limits.retryMs);
      else this.end(error);
    }
  }

  /** @param {Frame} frame */
  #onCaughtUp(frame) {
    const known = this.#received ?? 0;
    if (frame.seq > known && this.#isSnapshot && !this.#history) {
      // What came between the two, the newest messages may not show.
      this.#join();
      return;
    }
    this.#received = Math.max(known, frame.seq);
    this.#phase = "live";
    this.#hasProgress = true;
    this.#events.put(/** @type {any} */ (frame), { seq: this.#received, epoch: this.#epoch });
  }

  #joinAgain() {
    // A server that answers each join in the same useless way is not asked in a loop.
    const atOnce = this.#hasProgress;
    this.#hasProgress = false;
    if (atOnce) this.#join();
    else this.#joinLater(this.#limits.retryMs);
  }

  /** @param {number} ms */
  #joinLater(ms) {
    this.#phase = "joining";
    const id = this.#joinId = randomId();
    this.#link.later(ms, () => {
      if (this.#phase === "joining" && this.#joinId === id) this.#join();
    });
  }

  #leaveConnection() {
    this.#link.write({ type: "leave", id: randomId(), room: this.name });
  }

  // Events

  /** @param {Frame} frame */
  #onNext(frame) {
    if (this.#events.length >= this.#limits.bufferedEvents) {
      this.#phase = "behind";
      this.#leaveConnection();
      return;
    }
    this.#received = frame.seq;
    this.#hasProgress = true;
    this.#events.put(/** @type {any} */ (frame), { seq: frame.seq, epoch: this.#epoch });
  }

  /** @param {boolean} atOnce */
  #save(atOnce) {
    // Nothing is unhandled: as far as the server has sent. Only a whole snapshot has a number.
    const isWhole = this.#phase !== "ended" && (this.#phase === "live" || !this.#isSnapshot);
    if (this.#events.isIdle && isWhole && this.#received !== null) {
      this.#events.cursor = { seq: this.#received, epoch: this.#epoch };
    }
    this.#saved.save(this.#events.cursor, atOnce);
  }
}
