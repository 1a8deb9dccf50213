/**
 * Which rooms are followed: a member's by a join on the socket, a public room
 * that the user only looks at by a preview.
 */

import { Preview } from "./preview.js";
import { Phase } from "./room.js";

// The most recently opened rooms stay joined, this many: well below the
// server's limit of 64 per connection.
const JOINED_ROOMS = 16;

// Delay before a join that failed with a retryable error is repeated.
const JOIN_RETRY_MS = 3_000;
const RETRYABLE = new Set(["rate_limited", "unavailable", "internal"]);

const NO_SUCH_ROOM = "There is no such room, or you don't have access to it.";

export class Joins {
  #api;
  #requests;
  #send;
  #isOnline;
  #onChange;
  // Rooms to keep joined, the latest opened last.
  #opened = [];
  // The room on display, and the preview that follows it.
  #shown = null;
  #preview = null;

  constructor({ api, requests, send, isOnline, onChange }) {
    this.#api = api;
    this.#requests = requests;
    this.#send = send;
    this.#isOnline = isOnline;
    this.#onChange = onChange;
  }

  /** The room is on display: follow it, as a member or as a visitor. */
  async open(room) {
    this.#stopPreview();
    this.#shown = room;
    room.refused = null;
    if (room.member) {
      this.join(room);
    } else if (room.kind === "public") {
      this.#startPreview(room);
    } else {
      await this.#describe(room);
    }
  }

  /** Nothing is on display. */
  close() {
    this.#shown = null;
    this.#stopPreview();
  }

  /** Join, and by that become a member of, a public room; keep it joined. */
  join(room) {
    this.#stopPreview();
    this.#opened = [...this.#opened.filter((one) => one !== room), room];
    if (this.#opened.length > JOINED_ROOMS) this.#leaveOldest();
    if (room.phase === Phase.OUT || room.phase === Phase.PREVIEW) this.rejoin(room);
  }

  /** Connected: join what was joined before. */
  onConnect() {
    for (const room of this.#opened) this.rejoin(room);
  }

  /** Join again from the room's cursor. */
  rejoin(room) {
    if (!this.#isOnline() || room.phase === Phase.JOINING) return;
    this.#requests.ask({ type: "join", room: room.name, ...room.startJoin() }, ({ code, detail }) => {
      room.onDisconnect();
      if (RETRYABLE.has(code)) {
        setTimeout(() => this.rejoin(room), JOIN_RETRY_MS);
        return;
      }
      room.refused = detail;
      this.forget(room);
    });
  }

  /** The user has lost or left the room. */
  forget(room) {
    this.#opened = this.#opened.filter((one) => one !== room);
  }

  stop() {
    this.close();
    this.#opened = [];
  }

  // Internal

  #leaveOldest() {
    const room = this.#opened.shift();
    if (room.phase !== Phase.OUT) this.#send({ type: "leave", room: room.name });
    room.onDisconnect();
  }

  #startPreview(room) {
    this.#preview = new Preview({ api: this.#api, room, onChange: this.#onChange });
    this.#preview.start();
  }

  #stopPreview() {
    this.#preview?.stop();
    this.#preview = null;
  }

  // An address may name a room that is in no list yet.
  async #describe(room) {
    try {
      const summary = await this.#api.findRoom(room.name);
      if (summary === null) room.refused = NO_SUCH_ROOM;
      else room.update(summary);
    } catch (error) {
      // Without a network, opening is repeated by `Chat` on the next connection.
      if (error.status !== 0) room.refused = error.message;
      this.#onChange();
      return;
    }
    this.#onChange();
    if (this.#shown === room && (room.member || room.kind === "public")) await this.open(room);
  }
}
