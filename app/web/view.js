/**
 * The page around the messages: door, rooms, people, connection, composer.
 *
 * It draws what it is given and reports what people do; it decides nothing.
 */

import { byId, make, reconcile, say } from "./dom.js";
import { badge, roomLabel, typingLine } from "./words.js";

// How a sentence at the top goes away by itself.
const NOTICE_MS = 8_000;

// A longer text is refused by the server; in Unicode characters.
const MAX_TEXT_CHARACTERS = 4_000;

const CONNECTION = {
  connecting: "Connecting…",
  online: "Connected",
  waiting: "Reconnecting…",
  stopped: "Not connected",
};

// Below this width one pane is seen at a time: the same number as in style.css.
const WIDE = matchMedia("(min-width: 60rem)");

export class View {
  #heldMine = new Map();
  #heldOthers = new Map();
  #heldPeople = new Map();
  #noticeTimer = null;
  #joining = false;
  #toFocus = false;
  #on;

  /**
   * @param on `{enter, logOut, open, makeRoom, addMember, leave, say, typing, reconnect}`;
   *   those that can fail reject with a sentence for people.
   */
  constructor(on) {
    this.#on = on;
    this.#bindDoor();
    this.#bindHouse();
    this.#bindComposer();
    this.#bindRoomDialog();
  }

  // The door

  showDoor(why = null) {
    byId("house").hidden = true;
    byId("door").hidden = false;
    byId("door-why").hidden = why === null;
    say(byId("door-why"), why ?? "");
    say(byId("door-error"), "");
    byId("room-dialog").close();
    byId("text").value = "";
    document.title = "Parley";
    byId("username").focus();
  }

  showHouse(me) {
    byId("door-form").reset();
    this.#register(false);
    byId("door").hidden = true;
    byId("house").hidden = false;
    say(byId("me"), me);
    this.showPeople(WIDE.matches);
  }

  // The house

  draw({ rooms, current, connection }) {
    const all = [...rooms.values()].sort((a, b) => roomLabel(a).localeCompare(roomLabel(b)));
    const mine = all.filter(({ member }) => member);
    const others = all.filter(({ member, kind, archived }) => !member && kind === "public" && !archived);
    this.#rooms(byId("mine"), mine, current, this.#heldMine);
    this.#rooms(byId("others"), others, current, this.#heldOthers);
    byId("mine-label").hidden = mine.length === 0;
    byId("others-label").hidden = others.length === 0;
    byId("house").dataset.pane = current === null ? "rooms" : "talk";
    this.#connection(connection);
    this.#room(current);
    const unread = all.reduce((sum, room) => sum + (room.member ? room.unread : 0), 0);
    document.title = `${unread ? `(${badge(unread)}) ` : ""}${current ? `${roomLabel(current)} · ` : ""}Parley`;
  }

  showPeople(open) {
    byId("people-pane").hidden = !open;
    byId("people-toggle").setAttribute("aria-expanded", String(open));
  }

  notice(sentence) {
    clearTimeout(this.#noticeTimer);
    byId("notice").hidden = false;
    say(byId("notice"), sentence);
    this.#noticeTimer = setTimeout(() => { byId("notice").hidden = true; }, NOTICE_MS);
  }

  /** Let people write as soon as they can; a room takes a moment to join. */
  focusComposer() {
    // On a phone this would open the keyboard.
    this.#toFocus = WIDE.matches;
  }

  // Internal

  #rooms(list, rooms, current, held) {
    reconcile(list, rooms.map((room) => {
      const facts = [roomLabel(room), room.member ? room.unread : 0, room.mentions, room === current];
      return { key: room.name, version: JSON.stringify(facts), build: () => this.#roomLink(room, facts) };
    }), held);
  }

  #roomLink(room, [label, unread, mentions, chosen]) {
    const count = make("span", `badge${mentions ? " mention" : ""}`, badge(unread));
    count.setAttribute("aria-label", `${badge(unread)} unread`);
    const anchor = make("a", unread ? "unread" : "", make("bdi", "", label), unread ? count : null);
    anchor.href = `#${room.name}`;
    if (chosen) anchor.setAttribute("aria-current", "page");
    // The address doesn't change when the room is the current one already.
    anchor.addEventListener("click", () => this.#on.open(room.name));
    return make("li", "", anchor);
  }

  #connection({ state, reason }) {
    const text = state === "stopped" && reason ? `Not connected: ${reason}` : CONNECTION[state];
    byId("connection").dataset.state = state;
    say(byId("connection-text"), text);
    byId("reconnect").hidden = state === "online" || state === "connecting";
  }

  #room(room) {
    const there = room !== null && room.refused === null;
    byId("nowhere").hidden = there;
    say(byId("nowhere").firstElementChild, room?.refused ?? "Pick a room, or make one.");
    byId("log").hidden = !there;
    byId("composer").hidden = !there || !room.member || room.archived;
    byId("people-toggle").hidden = !there;
    byId("people-pane").classList.toggle("nobody", !there);
    say(byId("room-name"), room === null ? "" : roomLabel(room));
    say(byId("room-title"), room?.archived ? "archived" : (room?.title ?? ""));
    say(byId("typing"), there ? typingLine(room.typists(Date.now())) : "");
    if (!there) return;
    if (this.#toFocus && !byId("composer").hidden) {
      this.#toFocus = false;
      byId("text").focus();
    }
    say(byId("people-count"), String(room.presentCount));
    byId("add-form").hidden = !["owner", "moderator"].includes(room.role) || room.kind === "direct";
    byId("leave").hidden = !room.member || room.kind === "direct";
    const people = room.present();
    const more = room.presentCount - people.length;
    reconcile(byId("people"), [
      ...people.map((name) => ({ key: name, version: "", build: () => make("li", "", make("bdi", "", name)) })),
      ...(more > 0 ? [{ key: " more", version: more, build: () => make("li", "hint", `${more} more`) }] : []),
    ], this.#heldPeople);
  }

  // What people do

  #bindDoor() {
    byId("door-switch").addEventListener("click", () => this.#register(!this.#joining));
    byId("door-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const { username, password } = event.target;
      this.#try("door-error", byId("door-submit"), () => this.#on.enter({
        username: username.value.trim(), password: password.value, register: this.#joining,
      }));
    });
  }

  #register(joining) {
    this.#joining = joining;
    byId("password-hint").hidden = !joining;
    byId("password").autocomplete = joining ? "new-password" : "current-password";
    say(byId("door-submit"), joining ? "Make an account" : "Log in");
    say(byId("door-switch"), joining ? "I have an account" : "New here? Make an account");
    say(byId("door-error"), "");
  }

  #bindHouse() {
    byId("log-out").addEventListener("click", () => this.#on.logOut());
    byId("reconnect").addEventListener("click", () => this.#on.reconnect());
    byId("people-toggle").addEventListener("click", () => this.showPeople(byId("people-pane").hidden));
    byId("people-close").addEventListener("click", () => this.showPeople(false));
    byId("leave").addEventListener("click", () => this.#noticed(() => this.#on.leave()));
    byId("add-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#noticed(async () => {
        await this.#on.addMember(byId("add-name").value.trim());
        event.target.reset();
      });
    });
  }

  #bindComposer() {
    const text = byId("text");
    text.addEventListener("keydown", (event) => {
      // While a word is being composed, Enter belongs to the input method.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      byId("composer").requestSubmit();
    });
    text.addEventListener("input", () => {
      text.rows = Math.min(8, text.value.split("\n").length);
      this.#on.typing(text.value !== "");
    });
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      if (text.value.trim() === "") return;
      if ([...text.value].length > MAX_TEXT_CHARACTERS) {
        this.notice(`That is longer than ${MAX_TEXT_CHARACTERS} characters.`);
        return;
      }
      this.#on.say(text.value);
      text.value = "";
      text.rows = 1;
      text.focus();
    });
  }

  #bindRoomDialog() {
    const dialog = byId("room-dialog");
    const kind = byId("room-kind");
    byId("new-room").addEventListener("click", () => dialog.showModal());
    byId("room-cancel").addEventListener("click", () => dialog.close());
    kind.addEventListener("change", () => {
      const direct = kind.value === "direct";
      say(byId("new-name-label"), direct ? "Username of the other" : "Name");
      byId("new-title-label").hidden = direct;
    });
    dialog.addEventListener("close", () => {
      byId("room-form").reset();
      kind.dispatchEvent(new Event("change"));
      say(byId("room-error"), "");
    });
    byId("room-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#try("room-error", event.submitter, async () => {
        await this.#on.makeRoom({
          kind: kind.value, name: byId("new-name").value.trim(), title: byId("new-title").value.trim(),
        });
        dialog.close();
      });
    });
  }

  // Do it once at a time, and say below the form what went wrong.
  async #try(errorId, button, work) {
    say(byId(errorId), "");
    button.disabled = true;
    try {
      await work();
    } catch (error) {
      say(byId(errorId), error.message);
    } finally {
      button.disabled = false;
    }
  }

  async #noticed(work) {
    try {
      await work();
    } catch (error) {
      this.notice(error.message);
    }
  }
}
