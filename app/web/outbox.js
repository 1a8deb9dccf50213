/**
 * Messages written here that are not acknowledged yet.
 *
 * An entry keeps its random `id` through reconnects and reloads of the page
 * until the server answers. The id is the idempotency key, so a retry never
 * duplicates a message. Per room, only one entry is in flight at a time, so a
 * retry can't be overtaken by the message after it.
 *
 *     WAITING ── send ──▶ IN FLIGHT ── ack ──▶ STORED ── its event ──▶ removed
 *        ▲                    │ error
 *        └── try again ── FAILED
 */

export const Sending = Object.freeze({
  WAITING: "waiting", IN_FLIGHT: "in flight", STORED: "stored", FAILED: "failed",
});

// Error codes after which the same request may succeed later.
const RETRYABLE = new Set(["rate_limited", "slow_mode", "unavailable", "internal"]);

// If the server gives no retry_after.
const RETRY_AFTER_MS = 3_000;

export class Outbox {
  #entries;
  #save;

  // `entries` are those saved before a reload; `save` is called after each change.
  constructor(entries = [], save = () => {}) {
    this.#entries = entries.map((entry) => (
      entry.state === Sending.FAILED ? entry : { ...entry, state: Sending.WAITING, notBefore: 0 }
    ));
    this.#save = save;
  }

  add({ id, room, text, at, replyTo = null }) {
    this.#entries.push({ id, room, text, at, replyTo, state: Sending.WAITING, detail: null, notBefore: 0 });
    this.#save(this.#entries);
  }

  entriesOf(room) {
    return this.#entries.filter((entry) => entry.room === room);
  }

  // Take the entries to send now, at most one per room; they become in flight.
  takeDue(now) {
    const due = [];
    const busy = new Set();
    for (const entry of this.#entries) {
      if (entry.state === Sending.FAILED || entry.state === Sending.STORED) continue;
      const first = !busy.has(entry.room);
      busy.add(entry.room);
      if (first && entry.state === Sending.WAITING && entry.notBefore <= now) {
        entry.state = Sending.IN_FLIGHT;
        due.push(entry);
      }
    }
    return due;
  }

  // Milliseconds until `takeDue` returns more, or null.
  nextDelay(now) {
    const times = this.#entries
      .filter(({ state, notBefore }) => state === Sending.WAITING && notBefore > now)
      .map(({ notBefore }) => notBefore - now);
    return times.length ? Math.min(...times) : null;
  }

  // Replies to what was in flight are lost with the connection.
  onDisconnect() {
    for (const entry of this.#entries) {
      if (entry.state === Sending.IN_FLIGHT) entry.state = Sending.WAITING;
    }
  }

  has(id) {
    return this.#entries.some((entry) => entry.id === id);
  }

  // Stored as `seq`: still shown from here until its event arrives.
  onAck(id, seq) {
    this.#update(id, { state: Sending.STORED, seq });
  }

  // The log of `room` is shown up to `cursor`: remove what it contains.
  removeUpTo(room, cursor) {
    this.#keep((entry) => !(entry.room === room && entry.seq !== undefined && entry.seq <= cursor));
  }

  onError(id, { code, detail, retry_after: retryAfter }, now) {
    if (!RETRYABLE.has(code)) {
      this.#update(id, { state: Sending.FAILED, detail });
      return;
    }
    const delay = retryAfter === undefined ? RETRY_AFTER_MS : retryAfter * 1_000;
    this.#update(id, { state: Sending.WAITING, notBefore: now + delay });
  }

  retry(id) {
    this.#update(id, { state: Sending.WAITING, detail: null, notBefore: 0 });
  }

  drop(id) {
    this.#keep((entry) => entry.id !== id);
  }

  // Internal

  #update(id, changes) {
    const entry = this.#entries.find((one) => one.id === id);
    if (entry === undefined) return;
    Object.assign(entry, changes);
    this.#save(this.#entries);
  }

  #keep(predicate) {
    const kept = this.#entries.filter(predicate);
    if (kept.length === this.#entries.length) return;
    this.#entries = kept;
    this.#save(this.#entries);
  }
}
