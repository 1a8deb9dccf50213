/**
 * Who the users are that the page names: display names, and the members of rooms.
 * Loaded when a room is shown, and again when its members have changed.
 */

import { path } from "./http.js";

export class People {
  #api;
  #onChange;
  // Username → display name, of everyone seen so far.
  #names = new Map();
  // Usernames that are known to have a display name or none, or that were asked for one by one.
  #asked = new Set();
  // Room name → {version, members}; a list in flight has `members` null.
  #rooms = new Map();

  constructor({ api, onChange }) {
    this.#api = api;
    this.#onChange = onChange;
  }

  /** What to call a user: their display name, or the username if none is known. */
  nameOf(username) {
    return this.#names.get(username) || username;
  }

  /** Remember names from any answer of the server that has them. */
  learn(users) {
    for (const { user, username = user, display_name: name } of users) {
      this.#asked.add(username);
      if (name) this.#names.set(username, name);
      else this.#names.delete(username);
    }
  }

  /** The same from an object, `{username: display name}`. */
  learnNames(names) {
    this.learn(Object.entries(names).map(([user, name]) => ({ user, display_name: name })));
  }

  /** Load the names of users who are in no list of members: the others in direct rooms, authors who left. */
  async load(usernames) {
    for (const username of usernames) {
      if (username === null || this.#asked.has(username)) continue;
      this.#asked.add(username);
      try {
        this.learn([await this.#api.get(path`users/${username}`)]);
        this.#onChange();
      } catch ({ status }) {
        if (status !== 0) continue;
        // Offline: asked again with the next list of rooms.
        this.#asked.delete(username);
        return;
      }
    }
  }

  /** Load the members of a room again: changes of names are not announced. */
  refresh(room) {
    const known = this.#rooms.get(room.name);
    if (known) this.#load(room, known.members);
  }

  /** The members of a room, as far as they are loaded; loads them if needed. */
  membersOf(room) {
    const known = this.#rooms.get(room.name);
    if (known?.version !== room.membersVersion) this.#load(room, known?.members ?? null);
    return this.#rooms.get(room.name).members ?? [];
  }

  // Internal

  async #load(room, members) {
    const entry = { version: room.membersVersion, members };
    this.#rooms.set(room.name, entry);
    try {
      entry.members = await this.#api.list(path`rooms/${room.name}/members`, "members");
      this.learn(entry.members);
      this.#onChange();
    } catch {
      // Offline, or not allowed any more: asked again when the members change.
    }
  }
}
