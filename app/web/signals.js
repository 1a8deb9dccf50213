/**
 * Signals that may be lost, typing and read markers, sent at a limited rate.
 */

import { Phase } from "./room.js";

// Half of the time after which receivers expire a typing indicator.
const TYPING_RESEND_MS = 3_000;

// Read markers are at least this far apart.
const READ_INTERVAL_MS = 1_000;

export class Signals {
  #send;
  #request;
  #onReadInterval;
  #typingSentAt = 0;
  #readTimer = null;

  /** @param onReadInterval called when the next read marker may be sent. */
  constructor({ send, request, onReadInterval }) {
    this.#send = send;
    this.#request = request;
    this.#onReadInterval = onReadInterval;
  }

  typing(room, on) {
    if (room?.phase !== Phase.LIVE) return;
    const now = Date.now();
    if (on && now - this.#typingSentAt < TYPING_RESEND_MS) return;
    if (!on && this.#typingSentAt === 0) return;
    this.#typingSentAt = on ? now : 0;
    this.#send({ type: "typing", room: room.name, on });
  }

  // A message clears the typing indicator by itself.
  onSend() {
    this.#typingSentAt = 0;
  }

  markRead(room) {
    if (room?.phase !== Phase.LIVE || room.unread === 0 || this.#readTimer !== null) return;
    this.#request({ type: "read", room: room.name, seq: room.cursor }, (answer) => {
      if (answer.type === "ack") room.setCounts(answer);
    });
    this.#readTimer = setTimeout(() => {
      this.#readTimer = null;
      this.#onReadInterval();
    }, READ_INTERVAL_MS);
  }
}
