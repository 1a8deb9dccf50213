/**
 * The requests that wait for their answer.
 *
 * A request is written again, with the same `id`, on every connection until it is answered, so that
 * it is carried out exactly once. Of the requests that change a room, one is on its way at a time:
 * the server may refuse one for now and take the one behind it, which would swap them.
 *
 * Writes nothing itself: a connection takes what is due. Time is an argument, in milliseconds.
 */

import { NotAcknowledged, ParleyError, Refused, refused } from "./errors.js";
import { Pacing } from "./pacing.js";
import { CHANGES, entryOf, randomId, sendFrame } from "./requests.js";

/** @import { Limits } from "./limits.js" */
/** @import { Frame, OutboxEntry, OutboxStore, RequestOptions, StoredEntry } from "./types.js" */
/** @import { Request } from "./requests.js" */

// The longest pause between two tries, unless the server says how long.
const MAX_RETRY_MS = 30_000;

// Unless `welcome` says.
const FRAME_BYTES = 64 * 1024;

// A timer takes no more.
const MAX_TIMER_MS = 2 ** 31 - 1;

export class Outbox {
  #limits;
  #store;
  #on;
  #pacing = new Pacing();
  /** In the order of the calls. @type {Map<string, Request>} */
  #requests = new Map();
  #made = 0;
  // The server's limit counts all rooms of the user.
  #pausedUntil = 0;
  #frameBytes = FRAME_BYTES;
  #account = "";
  #isAdopted = false;
  #owner = randomId();
  /** @type {unknown} */
  #failure = null;

  /**
   * @param {Limits} limits @param {OutboxStore} store
   * @param {{ due: () => void, changed: () => void, stored: (entry: OutboxEntry, answer: Frame) => void, isHeld: (room: string) => boolean }} on
   */
  constructor(limits, store, on) {
    this.#limits = limits;
    this.#store = store;
    this.#on = on;
  }

  /** What was written here and is not acknowledged, oldest first. @returns {OutboxEntry[]} */
  get entries() {
    return [...this.#requests.values()].filter(({ frame }) => frame.type === "send").map(entryOf);
  }

  /** Take over what earlier clients of the account have left. @param {string} account */
  async adopt(account) {
    if (this.#account === account) return;
    this.#account = account;
    this.#isAdopted = false;
    const kept = await this.#store.adopt(account, this.#owner);
    if (this.#failure !== null) return;
    this.#isAdopted = true;
    const here = [...this.#requests.values()];
    this.#requests.clear();
    for (const { id, room, text, replyTo, data, at, error } of kept) {
      this.#add(sendFrame(id, room, text, { replyTo, data }), { at, state: error ? "failed" : "waiting", error });
    }
    // Behind those: written before the account was known.
    for (const request of here) {
      request.order = ++this.#made;
      this.#requests.set(request.frame.id, request);
      this.#keep(request);
    }
    this.#changed();
  }

  /** Keep a message until it is acknowledged or discarded; no promise waits for it. @param {Frame} frame */
  queue(frame) {
    this.#check(frame);
    this.#keep(this.#add(frame));
    this.#changed();
  }

  /** Have a request carried out; resolves with its answer. @param {Frame} frame @param {RequestOptions} options @returns {Promise<Frame>} */
  request(frame, { signal, ms = this.#limits.requestMs }) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      this.#check(frame);
      const give = (/** @type {unknown} */ reason) => {
        this.#remove(frame.id);
        request.reject?.(reason);
      };
      const timer = ms < MAX_TIMER_MS ? setTimeout(() => give(new NotAcknowledged(frame.id, ms)), ms) : undefined;
      const abort = () => give(signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      const settled = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      };
      const request = this.#add(frame, {
        deadline: Date.now() + ms,
        resolve: (answer) => { settled(); resolve(answer); },
        reject: (reason) => { settled(); reject(reason); },
      });
      this.#keep(request);
      this.#changed();
    });
  }

  /** Try a refused message again. @param {string} id */
  retry(id) {
    const request = this.#requests.get(id);
    if (request?.state !== "failed") return;
    request.state = "waiting";
    request.error = null;
    request.notBefore = 0;
    this.#keep(request);
    this.#changed();
  }

  /** Forget a message. It may have been stored, if it was on its way. @param {string} id */
  discard(id) {
    const request = this.#requests.get(id);
    this.#remove(id);
    request?.reject?.(new ParleyError("discarded", "The message was discarded."));
  }

  // For the connection

  /** Everything unanswered is due again. @param {Record<string, number>} limits of `welcome` */
  connected(limits) {
    this.#pacing.connected(limits);
    this.#frameBytes = limits.frame_bytes || FRAME_BYTES;
    for (const request of this.#requests.values()) if (request.state === "sent") request.state = "waiting";
  }

  /** Count a frame that was written besides these requests. */
  countFrame() {
    this.#pacing.spend(false);
  }

  /** The next frame to write; or the milliseconds until one may be due, which can be Infinity. @param {number} now @returns {Frame | number} */
  take(now) {
    if (now < this.#pausedUntil) return this.#pausedUntil - now;
    /** @type {Set<string>} */
    const held = new Set();
    let due = Infinity;
    let unanswered = 0;
    for (const request of this.#requests.values()) if (request.state === "sent") unanswered += 1;
    if (unanswered >= this.#limits.unansweredRequests) return Infinity;
    for (const request of this.#requests.values()) {
      const { frame, state, notBefore } = request;
      if (state === "failed") continue;
      const isChange = CHANGES.has(frame.type);
      const waits = state === "sent" || notBefore > now;
      if (isChange && (held.has(frame.room) || waits)) held.add(frame.room);
      if (state === "waiting" && notBefore > now) due = Math.min(due, notBefore - now);
      // What was written before comes first.
      if (frame.type === "send" && !this.#isAdopted) continue;
      if (waits || (isChange && held.has(frame.room)) || this.#on.isHeld(frame.room)) continue;
      const wait = this.#pacing.wait(now, isChange);
      if (wait > 0) return wait;
      this.#pacing.spend(isChange);
      request.state = "sent";
      return frame;
    }
    return due;
  }

  /** Handle an `ack` or `error`; return whether it was for one of these. @param {Frame} frame @param {number} now */
  onAnswer(frame, now) {
    const request = this.#requests.get(frame.re);
    if (request === undefined || request.state !== "sent") return false;
    if (frame.type !== "error") {
      this.#remove(frame.re);
      if (request.frame.type === "send") this.#on.stored(entryOf(request), frame);
      request.resolve?.(frame);
      return true;
    }
    const error = refused(frame);
    if (!error.isTemporary || !this.#retryLater(request, error, now)) this.#refuse(request, error);
    return true;
  }

  /** Reject all promises, present and future. What is kept can be adopted. @param {unknown} failure */
  end(failure) {
    this.#failure = failure;
    for (const [id, { frame, reject }] of [...this.#requests]) {
      // Who called has been told, and decides; what nobody waits for is for the next client.
      if (reject !== null) this.#remove(id);
      else if (frame.type !== "send") this.#requests.delete(id);
      reject?.(failure);
    }
    this.#store.release(this.#owner);
  }

  // Internal

  /** @param {Frame} frame */
  #check(frame) {
    if (this.#failure !== null) throw this.#failure;
    if (this.#requests.has(frame.id)) throw new Refused("id_reused", "A request with this id is on its way already.");
    if (this.#requests.size >= this.#limits.pendingRequests) {
      throw new Refused("rate_limited", `${this.#limits.pendingRequests} requests wait already.`);
    }
    // The server would close the connection, each time.
    if (new TextEncoder().encode(JSON.stringify(frame)).length > this.#frameBytes) {
      throw new Refused("too_large", `A request has at most ${this.#frameBytes} bytes.`);
    }
  }

  /** @param {Frame} frame @param {Partial<Request>} [more] @returns {Request} */
  #add(frame, more = {}) {
    /** @type {Request} */
    const request = {
      frame, at: new Date().toISOString(), order: ++this.#made, state: "waiting", error: null,
      notBefore: 0, tries: 0, deadline: Infinity, resolve: null, reject: null, ...more,
    };
    this.#requests.set(frame.id, request);
    return request;
  }

  /** @param {Request} request */
  #keep(request) {
    if (request.frame.type !== "send" || this.#account === "") return;
    const { id, room, text, replyTo, data, at, error } = entryOf(request);
    /** @type {StoredEntry} */
    const entry = { id, room, text, replyTo, data, at, error, owner: this.#owner, order: request.order };
    this.#store.put(this.#account, entry);
  }

  /** @param {string} id */
  #remove(id) {
    if (!this.#requests.delete(id)) return;
    this.#store.remove(this.#account, id);
    this.#changed();
  }

  #changed() {
    this.#on.changed();
    this.#on.due();
  }

  /** @param {Request} request @param {Refused} error @param {number} now */
  #retryLater(request, error, now) {
    request.tries += 1;
    const growing = Math.min(this.#limits.retryMs * 2 ** Math.min(request.tries - 1, 8), MAX_RETRY_MS);
    const pause = error.retryAfterMs ?? growing;
    if (now + pause >= request.deadline) return false;
    request.state = "waiting";
    if (error.code === "rate_limited") this.#pausedUntil = now + pause;
    else request.notBefore = now + pause;
    this.#on.due();
    return true;
  }

  /** @param {Request} request @param {Refused} error */
  #refuse(request, error) {
    if (request.reject !== null) {
      this.#remove(request.frame.id);
      request.reject(error);
      return;
    }
    request.state = "failed";
    request.error = { code: error.code, detail: error.message };
    this.#keep(request);
    this.#changed();
  }
}
