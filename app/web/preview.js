/**
 * A look into a public room without joining it: the newest page over HTTP, then
 * its events by long polling. It makes nobody a member.
 */

import { Applied, CATCH_UP_EVENTS } from "./room.js";

// Seconds that the server may wait for an event: half of its maximum, under the
// idle timeout of most proxies.
const WAIT_SECONDS = 30;

// Delay after a request that failed.
const RETRY_MS = 3_000;

// The history that was read is no longer the room's: start over.
const STALE = new Set(["gone", "conflict"]);

export class Preview {
  #api;
  #room;
  #onChange;
  #ended = new AbortController();
  #timer = null;

  /** @param onChange called after the room has changed, or was refused. */
  constructor({ api, room, onChange }) {
    this.#api = api;
    this.#room = room;
    this.#onChange = onChange;
  }

  /** Follow the room until `stop`. Never rejects. */
  async start() {
    while (!this.#ended.signal.aborted) {
      try {
        if (this.#room.cursor === null) await this.#load();
        else await this.#follow();
      } catch (error) {
        if (this.#ended.signal.aborted) return;
        if (error.status === 403 || error.status === 404) {
          this.#room.refused = error.message;
          this.#onChange();
          return;
        }
        if (STALE.has(error.code)) this.#room.reset();
        else await this.#pause();
      }
    }
  }

  stop() {
    this.#ended.abort();
    clearTimeout(this.#timer);
  }

  // Internal

  async #load() {
    const page = await this.#api.messages(this.#room.name, {}, this.#ended.signal);
    if (this.#ended.signal.aborted) return;
    this.#room.onPreview(page);
    this.#onChange();
  }

  async #follow() {
    const { name, cursor } = this.#room;
    const answer = await this.#api.events(name, this.#where(cursor), this.#ended.signal);
    if (this.#ended.signal.aborted || this.#room.cursor !== cursor) return;
    // Rather the newest page than all that was missed.
    if (answer.has_more) {
      this.#room.reset();
      return;
    }
    for (const event of answer.events) {
      if (this.#room.apply({ ...event, room: name }) === Applied.GAP) this.#room.reset();
    }
    if (answer.events.length > 0) this.#onChange();
  }

  #where(cursor) {
    return { since: cursor, epoch: this.#room.epoch, limit: CATCH_UP_EVENTS, wait: WAIT_SECONDS };
  }

  #pause() {
    return new Promise((resolve) => {
      this.#timer = setTimeout(resolve, RETRY_MS);
      this.#ended.signal.addEventListener("abort", resolve, { once: true });
    });
  }
}
