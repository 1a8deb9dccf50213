/**
 * Sends the outbox's messages to the server, and keeps them across a reload.
 */

import { randomId } from "./ids.js";
import { Outbox } from "./outbox.js";
import { Phase } from "./room.js";

// Stored per tab: two tabs must not both send it.
const KEY = "parley.outbox";

export class Sender {
  #outbox;
  #send;
  #timer = null;

  /** @param send (frame) → whether the frame was sent; false while offline. */
  constructor(send) {
    this.#send = send;
    this.#outbox = new Outbox(
      JSON.parse(sessionStorage.getItem(KEY)) ?? [],
      (entries) => sessionStorage.setItem(KEY, JSON.stringify(entries)),
    );
  }

  // Actions

  send(room, text, replyTo) {
    this.#outbox.add({ id: randomId(), room, text, replyTo, at: new Date().toISOString() });
    this.#flush();
  }

  retry(id) {
    this.#outbox.retry(id);
    this.#flush();
  }

  discard(id) {
    this.#outbox.drop(id);
    this.#flush();
  }

  /** Messages of a room that are not acknowledged yet, oldest first. */
  unsent(room) {
    const entries = this.#outbox.entriesOf(room.name);
    if (entries.length === 0) return entries;
    const ids = room.ownIds();
    return entries.filter(({ id }) => !ids.has(id));
  }

  // Connection

  onConnect() {
    this.#flush();
  }

  onDisconnect() {
    clearTimeout(this.#timer);
    this.#outbox.onDisconnect();
  }

  stop() {
    clearTimeout(this.#timer);
  }

  /** Handle a reply; returns whether it is for one of these messages. */
  onReply(frame, rooms) {
    if (!this.#outbox.has(frame.re)) return false;
    if (frame.type === "ack") this.#outbox.onAck(frame.re, frame.seq);
    else this.#outbox.onError(frame.re, frame, Date.now());
    for (const room of rooms.values()) this.onEvents(room);
    this.#flush();
    return true;
  }

  /** A room has new events: remove the messages that its log contains by now. */
  onEvents(room) {
    // A room that isn't joined shows its messages once it is opened.
    this.#outbox.removeUpTo(room.name, room.phase === Phase.OUT ? Infinity : (room.cursor ?? 0));
  }

  // Internal

  #flush() {
    clearTimeout(this.#timer);
    const now = Date.now();
    for (const { id, room, text, replyTo } of this.#outbox.takeDue(now)) {
      if (!this.#send({ type: "send", id, room, text, ...(replyTo && { reply_to: replyTo }) })) {
        // Offline: `onConnect` flushes again.
        this.#outbox.onDisconnect();
        return;
      }
    }
    const wait = this.#outbox.nextDelay(now);
    if (wait !== null) this.#timer = setTimeout(() => this.#flush(), wait);
  }
}
