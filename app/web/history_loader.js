/**
 * Fetches pages of a room's history over HTTP and puts them where they belong.
 */

import { path } from "./http.js";

export class HistoryLoader {
  #api;

  constructor(api) {
    this.#api = api;
  }

  async older(room) {
    const before = room.history.shown.oldest;
    if (before === null || !room.history.hasOlder) return;
    await this.#load(room, { before }, (page) => {
      if (room.history.shown.oldest === before) room.history.addOlder(page);
    });
  }

  async newer(room) {
    const after = room.history.shown.newest;
    if (after === null || !room.history.hasNewer) return;
    await this.#load(room, { after }, (page) => {
      if (room.history.shown.newest === after) room.history.addNewer(page);
    });
  }

  /** Show the messages around a seq, unless they are on display already. */
  async around(room, seq) {
    if (room.history.shown.has(seq)) return;
    if (room.history.live.has(seq)) {
      room.history.showLive();
      return;
    }
    const kept = (page) => (seq < page.first ? this.#withPinned(room, seq, page) : page);
    await this.#load(room, { around: seq }, (page) => room.history.show(page), kept);
  }

  /** The seq of the first message that is not older than a time, or null. */
  async firstSince(room, time) {
    const newest = await this.#api.messages(room.name, { limit: 1 });
    let low = newest.first - 1;
    let high = newest.head;
    let found = null;
    // Times rise with seqs, so halving finds it: 17 requests in 100,000 messages.
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const { messages: [message] } = await this.#api.messages(room.name, { after: middle, limit: 1 });
      if (message === undefined) {
        high = middle;
      } else if (new Date(message.at) < time) {
        low = message.seq;
      } else {
        found = message.seq;
        high = middle;
      }
    }
    return found;
  }

  // Internal

  // If the room was reset meanwhile, the page belongs to another history.
  async #load(room, where, put, complete = (page) => page) {
    const { epoch } = room;
    const page = await complete(await this.#api.messages(room.name, { ...where, ...(epoch && { epoch }) }));
    if (room.epoch === epoch) put(page);
  }

  /** The page, after a pinned message that is older than all that the room keeps otherwise. */
  async #withPinned(room, seq, page) {
    try {
      const message = await this.#api.get(path`rooms/${room.name}/messages/${seq}`);
      return { ...page, messages: [message, ...page.messages] };
    } catch {
      return page;
    }
  }
}
