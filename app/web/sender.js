/**
 * Brings what is in the outbox to the server, and keeps it over a reload.
 */

import { randomId } from "./ids.js";
import { Outbox } from "./outbox.js";
import { Phase } from "./room.js";

// Kept for this tab only: two tabs must not both send it.
const KEY = "parley.outbox";

export class Sender {
  #outbox;
  #send;
  #timer = null;

  /** @param send (frame) → whether there was a connection to send it on. */
  constructor(send) {
    this.#send = send;
    this.#outbox = new Outbox(
      JSON.parse(sessionStorage.getItem(KEY)) ?? [],
      (entries) => sessionStorage.setItem(KEY, JSON.stringify(entries)),
    );
  }

  // Actions

  say(room, text) {
    this.#outbox.add({ id: randomId(), room, text, at: new Date().toISOString() });
    this.#flush();
  }

  sayAgain(id) {
    this.#outbox.retry(id);
    this.#flush();
  }

  giveUp(id) {
    this.#outbox.drop(id);
    this.#flush();
  }

  /** What of a room is still on its way, oldest first. */
  unsent(room) {
    const entries = this.#outbox.of(room.name);
    if (entries.length === 0) return entries;
    const ids = room.ownIds();
    return entries.filter(({ id }) => !ids.has(id));
  }

  // What the connection does

  connected() {
    this.#flush();
  }

  disconnected() {
    clearTimeout(this.#timer);
    this.#outbox.disconnected();
  }

  stop() {
    clearTimeout(this.#timer);
  }

  /** Take an answer if it is for one of ours. */
  answered(frame, rooms) {
    if (!this.#outbox.has(frame.re)) return false;
    if (frame.type === "ack") this.#outbox.acked(frame.re, frame.seq);
    else this.#outbox.refused(frame.re, frame, Date.now());
    for (const room of rooms.values()) this.arrived(room);
    this.#flush();
    return true;
  }

  /** A room has moved on: what is in its log is no longer ours to show. */
  arrived(room) {
    // A room that isn't listened to will show it when it is opened.
    this.#outbox.arrived(room.name, room.phase === Phase.OUT ? Infinity : (room.cursor ?? 0));
  }

  // Internal

  #flush() {
    clearTimeout(this.#timer);
    const now = Date.now();
    for (const { id, room, text } of this.#outbox.take(now)) {
      if (!this.#send({ type: "send", id, room, text })) {
        // Offline: `connected` comes again.
        this.#outbox.disconnected();
        return;
      }
    }
    const wait = this.#outbox.wait(now);
    if (wait !== null) this.#timer = setTimeout(() => this.#flush(), wait);
  }
}
