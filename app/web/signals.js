/**
 * What may be lost: "I am typing" and "I have read", said often enough and no oftener.
 */

import { Phase } from "./room.js";

// Half of what a listener waits before it takes the typist to have stopped.
const TYPING_AGAIN_MS = 3_000;

// Everything read within this time is said at once, at its end.
const READ_AGAIN_MS = 1_000;

export class Signals {
  #send;
  #ask;
  #again;
  #saidTypingAt = 0;
  #readTimer = null;

  /** @param again called when it is time to look once more whether something was read. */
  constructor({ send, ask, again }) {
    this.#send = send;
    this.#ask = ask;
    this.#again = again;
  }

  typing(room, on) {
    if (room?.phase !== Phase.LIVE) return;
    const now = Date.now();
    if (on && now - this.#saidTypingAt < TYPING_AGAIN_MS) return;
    if (!on && this.#saidTypingAt === 0) return;
    this.#saidTypingAt = on ? now : 0;
    this.#send({ type: "typing", room: room.name, on });
  }

  // A message ends the typing by itself.
  said() {
    this.#saidTypingAt = 0;
  }

  seen(room) {
    if (room?.phase !== Phase.LIVE || room.unread === 0 || this.#readTimer !== null) return;
    this.#ask({ type: "read", room: room.name, seq: room.cursor }, (answer) => {
      if (answer.type === "ack") room.counted(answer);
    });
    this.#readTimer = setTimeout(() => {
      this.#readTimer = null;
      this.#again();
    }, READ_AGAIN_MS);
  }
}
