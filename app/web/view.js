/**
 * The page around the messages: which pane is in sight, the header of the room,
 * notices, and what stands there if no room is on display.
 *
 * It renders state and reports user actions; it makes no decisions.
 */

import { avatar } from "./avatar.js";
import { byId, icon, make, setText, textButton } from "./dom.js";
import { formatCount, roomLabel, typingLine } from "./format.js";

// How long a notice at the top stays.
const NOTICE_MS = 8_000;

// Below this width only one pane is visible: the same number as in layout.css.
export const WIDE = matchMedia("(min-width: 640px)");

export class View {
  #noticeTimer = null;
  #noRoom = null;
  #me = "";
  #myName = "";
  #on;

  /** @param on `{logOut, join, newRoom, settings, openSwitcher}` */
  constructor(on) {
    this.#on = on;
    byId("log-out").addEventListener("click", () => on.logOut());
    byId("settings").addEventListener("click", () => on.settings());
    byId("go-to").addEventListener("click", () => on.openSwitcher());
    byId("join").addEventListener("click", () => on.join());
    byId("new-room").addEventListener("click", () => on.newRoom());
    byId("notice").querySelector("button").addEventListener("click", () => this.#hideNotice());
  }

  showChat(me) {
    byId("chat").hidden = false;
    this.#me = me;
    this.#myName = "";
    this.#nameMe(me);
    this.#hideNotice();
  }

  hideChat() {
    byId("chat").hidden = true;
    document.title = "Parley";
  }

  draw({ rooms, current, nameOf }) {
    byId("chat").dataset.pane = current === null ? "rooms" : "messages";
    this.#room(current, nameOf);
    this.#nameMe(nameOf(this.#me));
    const unread = [...rooms.values()].reduce((sum, room) => sum + (room.member && room.level !== "none" ? room.unread : 0), 0);
    const title = current === null ? "" : `${roomLabel(current, nameOf)} · `;
    document.title = `${unread ? `(${formatCount(unread)}) ` : ""}${title}Parley`;
  }

  notice(sentence) {
    clearTimeout(this.#noticeTimer);
    byId("notice").hidden = false;
    setText(byId("notice").firstElementChild, sentence);
    this.#noticeTimer = setTimeout(() => this.#hideNotice(), NOTICE_MS);
  }

  // Internal

  #nameMe(name) {
    if (name === this.#myName) return;
    this.#myName = name;
    setText(byId("me"), name);
    byId("me").title = this.#me;
    byId("my-avatar").replaceChildren(avatar(this.#me, name));
  }

  #room(room, nameOf) {
    const there = room !== null && room.refused === null;
    if (!there) this.#empty(room?.refused ?? "");
    byId("no-room").hidden = there;
    byId("log-frame").hidden = !there;
    byId("join-bar").hidden = !there || room.member || room.archived || room.kind !== "public" || room.cursor === null;
    setText(byId("room-name"), room === null ? "" : roomLabel(room, nameOf));
    setText(byId("room-title"), room?.archived ? "archived" : (room?.title ?? ""));
    byId("room-title").title = room?.title ?? "";
    setText(byId("typing"), there ? typingLine(room.presence.typing(Date.now()).map(nameOf)) : "");
    for (const id of ["people-toggle", "search-toggle", "pins-toggle", "room-menu"]) byId(id).hidden = !there;
    setText(byId("people-count"), there ? String(room.presence.count) : "0");
  }

  // `refusal` is why the room can't be read, or empty if none was asked for.
  #empty(refusal) {
    if (this.#noRoom === refusal) return;
    this.#noRoom = refusal;
    const content = refusal === "" ? this.#welcome() : [icon("door"), make("p", "", refusal)];
    content[0].classList.add("big");
    byId("no-room").replaceChildren(...content);
  }

  #welcome() {
    return [
      icon("hash"),
      make("h3", "", "Select a room, or create one"),
      make("p", "", "Rooms that you can read are on the left. Ctrl+K finds one by name."),
      make("div", "row", textButton("New room", () => this.#on.newRoom(), "primary"), textButton("Find a room", () => this.#on.openSwitcher())),
    ];
  }

  #hideNotice() {
    byId("notice").hidden = true;
  }
}
