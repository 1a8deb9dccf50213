/**
 * Getting from room to room. The address says which one is open, `#room` or
 * `#room/seq`, so that the browser's own ways back and forth work.
 */

import { path } from "./http.js";
import { sorted } from "./sidebar.js";

// The room that was open last; logging out removes it.
const KEY = "parley.room";

// Joined on the first visit, if there is such a room.
const FIRST_ROOM = "general";

export class Navigation {
  #api;
  #chat;

  constructor({ api, chat }) {
    this.#api = api;
    this.#chat = chat;
  }

  /** Where the address points: `{name, seq}` or `{invite}`; null for what isn't there. */
  get place() {
    let parts;
    try {
      parts = decodeURIComponent(location.hash.slice(1)).split("/");
    } catch {
      return { name: null, seq: null };
    }
    const [first, second] = parts;
    if (first === "invite" && second !== undefined && !/^\d+$/.test(second)) return { invite: second };
    return { name: first.toLowerCase() || null, seq: /^[1-9]\d{0,15}$/.test(second) ? Number(second) : null };
  }

  open(name, seq = null) {
    location.hash = seq === null ? name : `${name}/${seq}`;
  }

  async openDirect(username) {
    const summary = await this.#api.directRoom(username);
    this.#chat()?.addRoom(summary);
    this.open(summary.name);
  }

  /** Use an invite, and open the room that it is for. */
  async accept(code) {
    const summary = await this.#api.post(path`invites/${code}`);
    this.#chat()?.addRoom(summary);
    this.open(summary.name);
  }

  /** A new user begins as a member of the first room. */
  async joinFirst(me) {
    if ((await this.#api.findRoom(FIRST_ROOM)) === null) return;
    await this.#api.put(path`rooms/${FIRST_ROOM}/members/${me}`);
    this.remember(FIRST_ROOM);
  }

  remember(name) {
    if (name !== null) localStorage.setItem(KEY, name);
  }

  /** The room that was open last, or null. */
  get last() {
    return localStorage.getItem(KEY);
  }

  // By keyboard

  /** Open the room `by` places further in the list. */
  step(by) {
    const rooms = this.#own();
    const index = rooms.indexOf(this.#chat().current);
    if (rooms.length > 0) this.open(rooms.at((index + by) % rooms.length).name);
  }

  nextUnread() {
    const rooms = this.#own();
    const index = rooms.indexOf(this.#chat().current);
    const next = [...rooms.slice(index + 1), ...rooms.slice(0, index + 1)].find(({ unread }) => unread > 0);
    if (next) this.open(next.name);
  }

  // Internal

  #own() {
    const { rooms, people } = this.#chat();
    const all = sorted(rooms, (name) => people.nameOf(name)).filter(({ member, kind }) => member && kind !== null);
    // As they are listed: direct ones first.
    return [...all.filter(({ kind }) => kind === "direct"), ...all.filter(({ kind }) => kind !== "direct")];
  }
}
