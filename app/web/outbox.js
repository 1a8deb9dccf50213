/**
 * What was written here and isn't acknowledged yet.
 *
 * An entry keeps its random `id` until the server has said what became of it,
 * through reconnects and reloads of the page; since the id is also the
 * idempotency key, sending it again never doubles the message. One entry of a
 * room is under way at a time, so that a retry can't overtake its successor.
 *
 *     WAITING ── send ──▶ UNDER WAY ── ack ──▶ STORED ── its event ──▶ gone
 *        ▲                    │ error
 *        └── try again ── FAILED
 */

export const Sending = Object.freeze({
  WAITING: "waiting", UNDER_WAY: "under way", STORED: "stored", FAILED: "failed",
});

// Errors that time cures: the same request may work a moment later.
const PASSING = new Set(["rate_limited", "slow_mode", "unavailable", "internal"]);

// When the server doesn't say when to come back.
const RETRY_AFTER_MS = 3_000;

export class Outbox {
  #entries;
  #save;

  // `entries` are those of an earlier life, `save` keeps them for the next.
  constructor(entries = [], save = () => {}) {
    this.#entries = entries.map((entry) => (
      entry.state === Sending.FAILED ? entry : { ...entry, state: Sending.WAITING, notBefore: 0 }
    ));
    this.#save = save;
  }

  add({ id, room, text, at }) {
    this.#entries.push({ id, room, text, at, state: Sending.WAITING, detail: null, notBefore: 0 });
    this.#save(this.#entries);
  }

  of(room) {
    return this.#entries.filter((entry) => entry.room === room);
  }

  // The entries to send now, at most one of each room; they are under way.
  take(now) {
    const due = [];
    const busy = new Set();
    for (const entry of this.#entries) {
      if (entry.state === Sending.FAILED || entry.state === Sending.STORED) continue;
      const first = !busy.has(entry.room);
      busy.add(entry.room);
      if (first && entry.state === Sending.WAITING && entry.notBefore <= now) {
        entry.state = Sending.UNDER_WAY;
        due.push(entry);
      }
    }
    return due;
  }

  // Milliseconds until `take` is worth another call, or null.
  wait(now) {
    const times = this.#entries
      .filter(({ state, notBefore }) => state === Sending.WAITING && notBefore > now)
      .map(({ notBefore }) => notBefore - now);
    return times.length ? Math.min(...times) : null;
  }

  // The connection is gone, and with it the answers to what was under way.
  disconnected() {
    for (const entry of this.#entries) {
      if (entry.state === Sending.UNDER_WAY) entry.state = Sending.WAITING;
    }
  }

  has(id) {
    return this.#entries.some((entry) => entry.id === id);
  }

  // Stored as `seq`: shown from here until its event arrives.
  acked(id, seq) {
    this.#update(id, { state: Sending.STORED, seq });
  }

  // The log of `room` is shown up to `cursor`: what it holds is no longer ours.
  arrived(room, cursor) {
    this.#keep((entry) => !(entry.room === room && entry.seq !== undefined && entry.seq <= cursor));
  }

  refused(id, { code, detail, retry_after: retryAfter }, now) {
    if (!PASSING.has(code)) {
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

  #keep(wanted) {
    const kept = this.#entries.filter(wanted);
    if (kept.length === this.#entries.length) return;
    this.#entries = kept;
    this.#save(this.#entries);
  }
}
