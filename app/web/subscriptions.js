/**
 * Which rooms are followed: a member's by a subscription of the client, a public
 * room that the user only looks at by a preview.
 */

const NO_SUCH_ROOM = "There is no such room, or you don't have access to it.";

// The most recently opened rooms stay joined, this many: well below the
// server's limit of 64 per connection.
const JOINED_ROOMS = 16;

export class Subscriptions {
  #api;
  #client;
  #onEvent;
  #onChange;
  // Room → its subscription; the latest opened last.
  #followed = new Map();
  // The room on display, and the preview that follows it.
  #shown = null;
  #preview = null;

  /**
   * @param client () → the `Client`.
   * @param onEvent called with a room and what its subscription yields, in order.
   */
  constructor({ api, client, onEvent, onChange }) {
    this.#api = api;
    this.#client = client;
    this.#onEvent = onEvent;
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
      await this.#startPreview(room);
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
    const known = this.#followed.get(room);
    this.#followed.delete(room);
    this.#followed.set(room, known ?? this.#follow(room));
    if (this.#followed.size > JOINED_ROOMS) this.forget(this.#followed.keys().next().value);
  }

  /** There is another client: follow with it what was followed before. */
  restart() {
    for (const room of this.#followed.keys()) this.#followed.set(room, this.#follow(room));
  }

  /** Leave the room, unless it has left already. */
  forget(room) {
    const subscription = this.#followed.get(room);
    this.#followed.delete(room);
    subscription?.leave();
    room.onDisconnect();
  }

  stop() {
    this.close();
    this.#followed.clear();
  }

  // Internal

  #follow(room) {
    const subscription = this.#client().room(room.name, room.subscribe());
    this.#read(room, subscription);
    return subscription;
  }

  async #read(room, subscription) {
    const client = this.#client();
    try {
      for await (const event of subscription) {
        if (this.#followed.get(room) !== subscription) return;
        this.#onEvent(room, event);
      }
    } catch (error) {
      // The client has ended, or `removed` has said why the room did.
      if (client.connection.state === "stopped" || error.code === "room_ended") return;
      if (this.#followed.get(room) !== subscription) return;
      this.forget(room);
      room.refused = error.message;
      this.#onChange();
    }
  }

  async #startPreview(room) {
    // Without a network, it is loaded on the next connection.
    const loaded = await import("./preview.js").catch(() => null);
    if (loaded === null || this.#shown !== room || room.member) return;
    this.#stopPreview();
    this.#preview = new loaded.Preview({ api: this.#api, room, onChange: this.#onChange });
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
