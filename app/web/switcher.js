/**
 * The quick switcher: a room or a person by a few letters of the name.
 */

import { avatar } from "./avatar.js";
import { input, openDialog } from "./dialog.js";
import { icon, make } from "./dom.js";

const ROOMS = 12;
const PEOPLE = 5;

/** @param on `{rooms(), nameOf(username), findUsers(q), open(name), openDirect(username)}` */
export function openSwitcher(on) {
  const { dialog, body } = openDialog("Go to a room or person");
  const query = input("q", "", {
    placeholder: "Name", "aria-label": "Name of a room or person", role: "combobox", "aria-expanded": "true",
    "aria-controls": "switcher-options", "aria-autocomplete": "list", autocomplete: "off", autocapitalize: "none", spellcheck: "false",
  });
  const list = make("ul", "");
  list.id = "switcher-options";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Rooms and people");
  const nothing = make("p", "hint", "No room and nobody has this name.");
  nothing.setAttribute("role", "status");
  nothing.hidden = true;
  body.append(query, list, nothing);
  const options = new Options(query, list, (option) => {
    dialog.close();
    option.run();
  });
  let version = 0;
  const update = async () => {
    const mine = version += 1;
    const rooms = roomOptions(query.value, on);
    options.show(rooms);
    nothing.hidden = true;
    const people = await peopleOptions(query.value, rooms, on);
    if (mine !== version) return;
    options.show([...rooms, ...people]);
    nothing.hidden = rooms.length + people.length > 0;
  };
  query.addEventListener("input", update);
  query.focus();
  update();
}

function roomOptions(query, on) {
  const wanted = query.trim().toLowerCase().replace(/^[#@]/, "");
  const scored = [...on.rooms()].filter(({ kind, archived }) => kind !== null && !archived).map((room) => {
    // A direct room is named after the other user, who has two names.
    const names = room.kind === "direct" ? [on.nameOf(room.with ?? room.name), room.with ?? room.name] : [room.name];
    return { room, label: names[0], score: Math.max(...names.map((name) => scoreOf(room, name.toLowerCase(), wanted))) };
  });
  return scored.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score || a.label.localeCompare(b.label))
    .slice(0, ROOMS).map(({ room, label }) => optionOf(room, label, on));
}

function optionOf(room, label, on) {
  const isDirect = room.kind === "direct";
  return {
    label, with: isDirect ? room.with : null, run: () => on.open(room.name),
    sign: isDirect ? avatar(room.with, label, "small") : icon(room.kind === "private" ? "lock" : "hash"),
    detail: isDirect ? `@${room.with}` : (room.title ?? ""),
  };
}

// What begins with the letters before what contains them; unread and own rooms before others.
function scoreOf(room, label, wanted) {
  const at = label.indexOf(wanted);
  if (at === -1) return 0;
  return 1 + (at === 0 ? 8 : 0) + (room.member ? 4 : 0) + (room.unread > 0 ? 2 : 0);
}

// Those with whom there is a direct room are among the rooms.
async function peopleOptions(query, rooms, on) {
  const wanted = query.trim().toLowerCase().replace(/^@/, "");
  if (wanted === "") return [];
  const found = await on.findUsers(wanted).catch(() => []);
  const users = found.filter(({ username }) => !rooms.some((room) => room.with === username));
  return users.slice(0, PEOPLE).map(({ username, display_name: name }) => ({
    label: name || username, sign: avatar(username, name || username, "small"), detail: `@${username}`, run: () => on.openDirect(username),
  }));
}

class Options {
  #query;
  #list;
  #options = [];
  #chosen = 0;

  constructor(query, list, take) {
    this.#query = query;
    this.#list = list;
    query.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step !== undefined) this.#choose(this.#chosen + step);
      else if (event.key === "Enter" && this.#options.length > 0) take(this.#options[this.#chosen]);
      else return;
      event.preventDefault();
    });
    list.addEventListener("click", ({ target }) => {
      const option = target.closest("li");
      if (option !== null) take(this.#options[[...list.children].indexOf(option)]);
    });
  }

  show(options) {
    this.#options = options;
    this.#list.replaceChildren(...options.map(({ sign, label, detail }, index) => {
      const option = make("li", "option", sign, make("bdi", "clip", label), make("span", "hint clip", detail));
      option.id = `switcher-${index}`;
      option.setAttribute("role", "option");
      return option;
    }));
    this.#choose(0);
  }

  #choose(index) {
    const count = this.#options.length;
    if (count === 0) {
      this.#query.removeAttribute("aria-activedescendant");
      return;
    }
    this.#chosen = (index + count) % count;
    [...this.#list.children].forEach((option, place) => option.setAttribute("aria-selected", String(place === this.#chosen)));
    this.#query.setAttribute("aria-activedescendant", `switcher-${this.#chosen}`);
    this.#list.children[this.#chosen].scrollIntoView({ block: "nearest" });
  }
}
