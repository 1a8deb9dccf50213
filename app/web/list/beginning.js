/**
 * What stands above the first message of a room, and in its place while the
 * room is loaded.
 */

import { avatar } from "../avatar.js";
import { byId, icon, make, textButton } from "../dom.js";
import { roomLabel } from "../format.js";

const SKELETON_ROWS = 6;

let shownFor = null;

/** Show or hide the beginning of a room, with what to do next; `on` is `{addPeople(room), editRoom(room)}`. */
export function beginningOf(room, visible, { nameOf, on }) {
  const place = byId("beginning");
  place.hidden = !visible;
  if (!visible) return;
  const other = room.kind === "direct" ? nameOf(room.with ?? room.name) : null;
  const version = JSON.stringify([room.name, room.kind, room.title, other, room.member, room.isModerator]);
  if (shownFor === version) return;
  shownFor = version;
  place.replaceChildren(...(other !== null ? direct(room, other) : ordinary(room, on)));
}

export function skeleton(visible) {
  const place = byId("loading");
  place.hidden = !visible;
  if (!visible || place.childElementCount > 0) return;
  for (let row = 0; row < SKELETON_ROWS; row += 1) {
    place.append(make("div", "skeleton", make("span"), make("span")));
  }
}

function direct(room, name) {
  return [
    avatar(room.with, name, "large"),
    make("p", "headline", make("bdi", "", name)),
    ...(name === room.with ? [] : [make("p", "hint", `@${room.with}`)]),
    make("p", "hint", "Only the two of you can read what is written here."),
  ];
}

function ordinary(room, on) {
  const actions = make("div", "row");
  if (room.member && room.isModerator) {
    actions.append(
      textButton("Add people", () => on.addPeople(room)),
      textButton(room.title ? "Edit the topic" : "Set a topic", () => on.editRoom(room)),
    );
  }
  return [
    icon(room.kind === "private" ? "lock" : "hash"),
    make("p", "headline", make("bdi", "", `Welcome to ${roomLabel(room)}`)),
    make("p", "hint", room.kind === "private"
      ? "This is the beginning of a private room. Only its members can read it."
      : "This is the beginning of the room. Everyone on this server can read it and join."),
    actions,
  ];
}
