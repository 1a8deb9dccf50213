/** What outlives a connection: pending requests, rooms, listeners. Handles frames; does no I/O. */

import { Closed } from "./errors.js";
import { Outbox } from "./outbox.js";
import { randomId } from "./requests.js";
import { Room } from "./room.js";

/** @import { Connection } from "./connection.js" */
/** @import { Limits } from "./limits.js" */
/** @import { Listeners } from "./listeners.js" */
/** @import { CursorStore, Frame, OutboxStore, RoomOptions, Welcome } from "./types.js" */

const OF_A_ROOM = new Set(["joined", "caught_up", "reset", "removed"]);
// A connection without rooms counts as healthy after this time.
const HEALTHY_MS = 10_000;

export class Session {
  /** Of the last connection. @type {Welcome | null} */
  welcome = null;
  /** When the server, which restarts, wants to be called again. @type {number | null} */
  reconnectAt = null;
  outbox;

  #listeners;
  #cursors;
  #limits;
  #base;
  #onTokenExpires;
  /** @type {Map<string, Room>} */
  #rooms = new Map();
  /** @type {Connection | null} */
  #connection = null;
  // Frames that belong to the present connection, before those of the outbox.
  /** @type {Frame[]} */
  #control = [];
  /** @type {Set<ReturnType<typeof setTimeout>>} */
  #timers = new Set();
  #connectedAt = 0;
  #hasAnswers = false;
  #isFlushing = false;
  /** @type {unknown} */
  #failure = null;

  /**
   * @param {{ base: URL, cursors: CursorStore, outbox: OutboxStore, limits: Limits, listeners: Listeners, onTokenExpires: () => void }} parts
   */
  constructor({ base, cursors, outbox, limits, listeners, onTokenExpires }) {
    this.#base = base;
    this.#cursors = cursors;
    this.#limits = limits;
    this.#listeners = listeners;
    this.#onTokenExpires = onTokenExpires;
    this.outbox = new Outbox(limits, outbox, {
      due: () => this.#flushSoon(),
      changed: () => listeners.emit("outbox", this.outbox.entries),
      stored: (entry, { seq = null, at, duplicate = false }) => listeners.emit("stored", { ...entry, ack: { seq, at, duplicate } }),
      // What is sent after subscribing is part of what the subscription brings.
      isHeld: (room) => this.#rooms.get(room)?.isStarting ?? false,
    });
  }

  get isConnected() {
    return this.#connection !== null;
  }

  // For the application

  /** The open subscription of this room; a new one if there is none, or if `since`. @param {string} name @param {RoomOptions} options */
  room(name, options) {
    if (this.#failure !== null) throw this.#failure;
    // The server's names are in lower case.
    name = name.toLowerCase();
    const found = this.#rooms.get(name);
    if (found !== undefined) {
      if ((options.since ?? null) === null) return found;
      found.leave();
    }
    /** @type {Room} */
    const room = new Room(name, {
      ...options,
      key: () => `${this.welcome?.user} ${name} ${this.#base}`,
      store: this.#cursors,
      limits: this.#limits,
      link: {
        write: (frame) => this.#rooms.get(name) === room && this.write(frame),
        later: (ms, call) => this.#later(ms, call),
        forget: (ended) => {
          if (this.#rooms.get(name) === ended) this.#rooms.delete(name);
          this.#flushSoon();
        },
      },
    });
    if (options.signal?.aborted) return room;
    this.#rooms.set(name, room);
    if (this.isConnected) room.connected();
    return room;
  }

  /** @param {string} room */
  isLive(room) {
    return this.#rooms.get(room.toLowerCase())?.isLive ?? false;
  }

  /** Write a frame on the present connection; false: there is none. @param {Frame} frame */
  write(frame) {
    if (this.#connection === null) return false;
    this.#control.push(frame);
    this.#flushSoon();
    return true;
  }

  /** Take over what earlier clients of this user have left. @param {string} user */
  adopt(user) {
    this.outbox.adopt(`${user} ${this.#base}`);
  }

  // For the connection

  /** @param {Frame} welcome @param {Connection} connection */
  connected(welcome, connection) {
    this.welcome = /** @type {any} */ (welcome);
    this.reconnectAt = null;
    this.#connection = connection;
    this.#connectedAt = Date.now();
    this.#hasAnswers = false;
    this.outbox.connected(welcome.limits ?? {});
    this.adopt(welcome.user);
    for (const room of [...this.#rooms.values()]) room.connected();
    this.#listeners.emit("welcome", welcome);
  }

  disconnected() {
    if (this.#connection === null) return;
    this.#connection = null;
    this.#control = [];
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const room of [...this.#rooms.values()]) room.disconnected();
  }

  /** Whether the connection has caught up, so that the next pause is short again. @param {number} now */
  isHealthy(now) {
    const rooms = [...this.#rooms.values()];
    if (!rooms.every((room) => room.isCaughtUp)) return false;
    return rooms.length > 0 || this.#hasAnswers || now - this.#connectedAt > HEALTHY_MS;
  }

  /** The next frame to write; or the milliseconds until one may be due, which can be Infinity. @param {number} now @returns {Frame | number} */
  take(now) {
    const frame = this.#control.shift();
    if (frame === undefined) return this.outbox.take(now);
    this.outbox.countFrame();
    return frame;
  }

  /** Handle a frame; ignores a type that this version doesn't know. @param {Frame} frame @param {number} now */
  onFrame(frame, now) {
    const { type } = frame;
    if (type === "ack" || type === "error" || type === "pong") {
      this.#hasAnswers ||= type === "ack";
      if (!this.outbox.onAnswer(frame, now) && type === "error") {
        for (const room of [...this.#rooms.values()]) room.onFrame(frame);
      }
    } else if (OF_A_ROOM.has(type)) {
      this.#rooms.get(frame.room)?.onFrame(frame);
      if (type === "removed") this.#listeners.emit(type, frame);
    } else if (type === "auth_expiring") {
      this.#onTokenExpires();
    } else if (Number.isInteger(frame.seq) && typeof frame.at === "string") {
      this.#rooms.get(frame.room)?.onEvent(frame);
    } else {
      if (type === "drain") this.reconnectAt = now + Math.min(frame.reconnect_in_ms, this.#limits.backoffMaxMs);
      this.#listeners.emit(type, frame);
    }
  }

  /** Settle everything: nothing waits for this client any more. Idempotent. @param {unknown} failure null: it was closed */
  end(failure) {
    if (this.#failure !== null) return;
    this.disconnected();
    this.#failure = failure ?? new Closed();
    this.outbox.end(this.#failure);
    for (const room of [...this.#rooms.values()]) room.end(failure);
  }

  /** Give the present connection another access token. @param {string} token */
  sendToken(token) {
    this.write({ type: "auth", id: randomId(), token });
  }

  // Internal

  // After what the caller does now, so that a burst is written in one turn.
  #flushSoon() {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#connection?.flush();
    });
  }

  /** @param {number} ms @param {() => void} call */
  #later(ms, call) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      call();
    }, ms);
    this.#timers.add(timer);
  }
}
