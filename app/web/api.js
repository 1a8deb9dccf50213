/**
 * The HTTP API with the user's token, as far as the page uses it. Failures are
 * `ApiError`s, whose message is a sentence for the user.
 */

import { randomId } from "./client/requests.js";
import { forUser, path } from "./http.js";

// The server's largest page. A list beyond this many pages is cut off.
const PAGE_LIMIT = 200;
const PAGES = 5;

export class Api {
  #client;

  /** @param client () → the `Client` of the user who is logged in. */
  constructor(client) {
    this.#client = client;
  }

  // Any endpoint

  get(where, query = {}, signal) {
    return this.#ask("GET", where, { query, signal });
  }

  /** A list that is paged with `after`, whole, up to PAGES pages. */
  async list(where, plural, query = {}) {
    const found = [];
    let after = null;
    for (let page = 0; page < PAGES; page += 1) {
      const answer = await this.get(where, { limit: PAGE_LIMIT, ...query, after });
      found.push(...answer[plural]);
      after = answer.next;
      if (after === null) break;
    }
    return found;
  }

  /** A change. A retry after an expired token has the same key, so it is carried out once. */
  post(where, json) {
    return this.#ask("POST", where, { json, key: randomId() });
  }

  put(where, json) {
    return this.#ask("PUT", where, { json, key: randomId() });
  }

  patch(where, json) {
    return this.#ask("PATCH", where, { json, key: randomId() });
  }

  delete(where, json) {
    return this.#ask("DELETE", where, { json, key: randomId() });
  }

  // Rooms and messages

  /** The user's rooms and the public ones. */
  rooms() {
    return this.list("rooms", "rooms");
  }

  room(name) {
    return this.get(path`rooms/${name}`);
  }

  /** One of the user's rooms or the public ones, or null: not an error that a browser logs. */
  async findRoom(name) {
    const { rooms } = await this.get("rooms", { q: name, limit: PAGE_LIMIT });
    return rooms.find((room) => room.name === name) ?? null;
  }

  createRoom({ name, kind, title }) {
    return this.post("rooms", { name, kind, ...(title && { title }) });
  }

  directRoom(username) {
    return this.put(path`rooms/direct/${username}`);
  }

  /** A page of messages; `where` holds `before`, `after` or `around`, and `limit`. */
  messages(room, where, signal) {
    return this.get(path`rooms/${room}/messages`, where, signal);
  }

  /** A page of events; `where` holds `since`, `limit`, and `wait`: seconds to wait for one. */
  events(room, where, signal) {
    return this.get(path`rooms/${room}/events`, where, signal);
  }

  // Internal

  async #ask(method, where, options) {
    return forUser(this.#client().http(method, where, options));
  }
}
