/**
 * Messages written here that are not in their room's log on this page: those of
 * the client's outbox, and those that are stored but whose event is still to come.
 */

export class Unsent {
  #outbox;
  #rooms;
  // Acknowledged, and not in sight yet: the ack may be ahead of the event.
  #stored = [];

  /**
   * @param outbox () → the client's outbox.
   * @param rooms name → Room.
   */
  constructor({ outbox, rooms }) {
    this.#outbox = outbox;
    this.#rooms = rooms;
  }

  /** A message is stored. */
  onStored(entry) {
    this.#stored = [...this.#stored.filter((one) => this.#isToCome(one)), entry];
  }

  /** Those of one room, oldest first. */
  of(room) {
    const entries = [...this.#stored.filter((entry) => this.#isToCome(entry)), ...this.#outbox()]
      .filter((entry) => entry.room === room.name);
    if (entries.length === 0) return entries;
    const ids = room.ownIds();
    return entries.filter(({ id }) => !ids.has(id));
  }

  // Internal

  // A room without a cursor begins with its newest messages, with this one among them.
  #isToCome({ room: name, ack: { seq } }) {
    const { cursor = null } = this.#rooms.get(name) ?? {};
    return cursor !== null && cursor < seq;
  }
}
