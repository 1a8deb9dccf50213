/**
 * Who is online in the room, and adding somebody.
 */

import { avatar } from "../avatar.js";
import { byId, make, reconcile } from "../dom.js";

export class PeoplePane {
  #rendered = new Map();

  /** @param on `{addMember(username), leave(), attempt(work)}` */
  constructor(on) {
    byId("people-toggle").addEventListener("click", () => this.open(byId("people-pane").hidden));
    byId("people-close").addEventListener("click", () => this.open(false));
    byId("leave").addEventListener("click", () => on.leave());
    byId("add-form").addEventListener("submit", (event) => {
      event.preventDefault();
      on.attempt(async () => {
        await on.addMember(byId("add-name").value.trim());
        event.target.reset();
      });
    });
  }

  open(open) {
    byId("people-pane").hidden = !open;
    byId("people-toggle").setAttribute("aria-expanded", String(open));
  }

  draw(room, { people }) {
    if (room === null) this.open(false);
    if (room === null || room.cursor === null) return;
    people.membersOf(room);
    byId("add-form").hidden = !room.isModerator;
    byId("leave").hidden = !room.member || room.kind === "direct";
    const names = room.presence.names();
    const more = room.presence.count - names.length;
    reconcile(byId("people"), [
      ...names.map((name) => ({ key: name, version: people.nameOf(name), build: () => personRow(name, people.nameOf(name)) })),
      ...(more > 0 ? [{ key: " more", version: more, build: () => make("li", "hint", `${more} more`) }] : []),
    ], this.#rendered);
  }
}

function personRow(username, name) {
  return make("li", "person", avatar(username, name, "small"), make("bdi", "clip", name));
}
