/**
 * Keeps below the server's rate limits, so that a reconnect with a full outbox is not refused.
 * No clock: the time is an argument, in milliseconds.
 */

// Of what `welcome` allows: other connections of the user, and frames besides requests, take the rest.
const SHARE = 0.9;

class Bucket {
  /** @param {number} perSecond @param {number} burst */
  constructor(perSecond, burst) {
    this.perMs = (perSecond * SHARE) / 1_000;
    this.burst = Math.max(1, burst * SHARE);
    this.tokens = this.burst;
    this.at = NaN;
  }

  /** Milliseconds until there is a token. @param {number} now */
  wait(now) {
    if (!this.perMs) return 0;
    if (now > this.at) this.tokens = Math.min(this.burst, this.tokens + (now - this.at) * this.perMs);
    this.at = now;
    return Math.max(0, (1 - this.tokens) / this.perMs);
  }
}

/** The limits of one connection (frames) and of its user (sends). */
export class Pacing {
  #frames = new Bucket(0, 0);
  #sends = new Bucket(0, 0);
  #allowed = "";

  /** A connection has begun. @param {Record<string, number>} limits of its `welcome` */
  connected(limits) {
    const { frames_per_second: frames = 0, frame_burst: burst = 0 } = limits;
    const { sends_per_second: sends = 0, send_burst: sendBurst = 0 } = limits;
    this.#frames = new Bucket(frames, burst);
    const allowed = `${sends}/${sendBurst}`;
    // The server counts a user's sends across connections, so this bucket stays.
    if (allowed !== this.#allowed) this.#sends = new Bucket(sends, sendBurst);
    this.#allowed = allowed;
  }

  /** Milliseconds until a frame may be written; 0: now. @param {number} now @param {boolean} isSend */
  wait(now, isSend) {
    const frames = this.#frames.wait(now);
    return isSend ? Math.max(frames, this.#sends.wait(now)) : frames;
  }

  /** Count a frame that is written. @param {boolean} isSend */
  spend(isSend) {
    this.#frames.tokens -= 1;
    if (isSend) this.#sends.tokens -= 1;
  }
}
