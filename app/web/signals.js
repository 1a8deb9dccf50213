/**
 * Signals that may be lost, typing and read markers, sent at a limited rate.
 */

import { Phase } from "./room.js";

// Half of the time after which receivers expire a typing indicator.
const TYPING_RESEND_MS = 3_000;

// Read markers are at least this far apart.
const READ_INTERVAL_MS = 1_000;

// A read marker that is not answered in this time is of no use.
const READ_MS = 10_000;

export class Signals {
  #client;
  #onReadInterval;
  #typingSentAt = 0;
  #readTimer = null;

  /**
   * @param client () → the `Client`.
   * @param onReadInterval called when the next read marker may be sent.
   */
  constructor({ client, onReadInterval }) {
    this.#client = client;
    this.#onReadInterval = onReadInterval;
  }

  typing(room, on) {
    if (room?.phase !== Phase.LIVE) return;
    const now = Date.now();
    if (on && now - this.#typingSentAt < TYPING_RESEND_MS) return;
    if (!on && this.#typingSentAt === 0) return;
    this.#typingSentAt = on ? now : 0;
    this.#client().typing(room.name, on);
  }

  // A message clears the typing indicator by itself.
  onSend() {
    this.#typingSentAt = 0;
  }

  markRead(room) {
    if (room?.phase !== Phase.LIVE || room.unread === 0 || room.keepsUnread || this.#readTimer !== null) return;
    this.#client().read(room.name, room.cursor, { ms: READ_MS }).then((counts) => room.setCounts(counts), () => {
      // The next one says more.
    });
    this.#readTimer = setTimeout(() => {
      this.#readTimer = null;
      this.#onReadInterval();
    }, READ_INTERVAL_MS);
  }
}
