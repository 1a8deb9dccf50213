/**
 * The lists of rooms: direct ones, the user's own, and the public ones to look at.
 */

import { avatar } from "./avatar.js";
import { byId, icon, make, reconcile } from "./dom.js";
import { formatCount } from "./format.js";

const LISTS = {
  "direct-rooms": ({ member, kind, archived }) => member && kind === "direct" && !archived,
  "my-rooms": ({ member, kind }) => member && kind !== "direct" && kind !== null,
  "public-rooms": ({ member, kind, archived }) => !member && kind === "public" && !archived,
};

export class Sidebar {
  // Id of a list → its elements by key, for `reconcile`.
  #rendered = new Map(Object.keys(LISTS).map((id) => [id, new Map()]));
  #open;

  /** @param open (name), for a click on the room that is on display already. */
  constructor(open) {
    this.#open = open;
  }

  draw({ rooms, current, nameOf, hasDraft }) {
    const all = sorted(rooms, nameOf);
    for (const [id, belongs] of Object.entries(LISTS)) {
      const shown = all.filter(belongs);
      byId(`${id}-label`).hidden = shown.length === 0;
      reconcile(byId(id), shown.map((room) => this.#entry(room, current, nameOf, hasDraft)), this.#rendered.get(id));
    }
  }

  // Internal

  #entry(room, current, nameOf, hasDraft) {
    const version = [
      labelOf(room, nameOf), room.kind, room.unread, room.mentions, room === current, room.archived,
      room !== current && hasDraft(room.name), room.level === "none",
    ];
    return { key: room.name, version, build: () => this.#link(room, version) };
  }

  #link(room, [label, kind, unread, mentions, chosen, archived, draft, silent]) {
    const count = make("span", `badge${mentions || kind === "direct" ? " mention" : ""}`);
    // Drawn by the style: the link's label says it in words.
    count.dataset.count = formatCount(unread);
    count.setAttribute("aria-label", `${formatCount(unread)} unread`);
    count.setAttribute("role", "img");
    const sign = kind === "direct" ? avatar(room.with, label, "small") : icon(kind === "private" ? "lock" : "hash");
    const anchor = make("a", unread && !silent ? "unread" : "", sign, make("bdi", "", label), draft ? icon("edit") : null, unread ? count : null);
    // The sign is a picture: the name says it.
    const name = kind === "direct" ? label : `#${label}`;
    anchor.setAttribute("aria-label", unread ? `${name}, ${formatCount(unread)} unread` : name);
    if (archived || silent) anchor.classList.add("muted");
    anchor.href = `#${room.name}`;
    if (chosen) anchor.setAttribute("aria-current", "page");
    // A click on the current room doesn't change the address.
    anchor.addEventListener("click", () => this.#open(room.name));
    return make("li", "", anchor);
  }
}

/** All rooms by name. */
export function sorted(rooms, nameOf) {
  return [...rooms.values()].sort((a, b) => labelOf(a, nameOf).localeCompare(labelOf(b, nameOf)));
}

function labelOf(room, nameOf) {
  return room.kind === "direct" ? nameOf(room.with ?? room.name) : room.name;
}
