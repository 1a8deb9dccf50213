/**
 * The page around the messages: login, rooms, people, connection, composer.
 *
 * It renders state and reports user actions; it makes no decisions.
 */

import { Composer } from "./composer.js";
import { byId, make, reconcile, setText } from "./dom.js";
import { formatCount, roomLabel, typingLine } from "./format.js";

// How long a notice at the top stays.
const NOTICE_MS = 8_000;

const CONNECTION = {
  connecting: "Connecting…",
  offline: "You are offline. What you write is sent when you are back.",
  online: "Connected",
  waiting: "Reconnecting…",
  stopped: "Not connected",
};

// Below this width only one pane is visible: the same number as in style.css.
const WIDE = matchMedia("(min-width: 60rem)");

export class View {
  #renderedMine = new Map();
  #renderedOthers = new Map();
  #renderedPeople = new Map();
  #noticeTimer = null;
  #registering = false;
  #focusPending = false;
  #wasOnline = false;
  #composer;
  #on;

  /**
   * @param on `{authenticate, logOut, open, createRoom, addMember, join, leave, send, typing, reconnect}`;
   *   those that can fail reject with an error whose message is for the user.
   */
  constructor(on) {
    this.#on = on;
    this.#bindLogin();
    this.#bindChat();
    this.#composer = new Composer({ ...on, notice: (sentence) => this.notice(sentence) });
    this.#bindRoomDialog();
  }

  // Login

  showLogin(notice = null) {
    byId("chat").hidden = true;
    byId("login").hidden = false;
    byId("login-notice").hidden = notice === null;
    setText(byId("login-notice"), notice ?? "");
    setText(byId("login-error"), "");
    byId("room-dialog").close();
    this.#composer.show(null);
    this.#wasOnline = false;
    document.title = "Parley";
    byId("username").focus();
  }

  showChat(me) {
    byId("login-form").reset();
    this.#register(false);
    byId("login").hidden = true;
    byId("chat").hidden = false;
    setText(byId("me"), me);
    this.showPeople(WIDE.matches);
  }

  // Chat

  draw({ rooms, current, connection }) {
    const all = [...rooms.values()].sort((a, b) => roomLabel(a).localeCompare(roomLabel(b)));
    const mine = all.filter(({ member }) => member);
    const others = all.filter(({ member, kind, archived }) => !member && kind === "public" && !archived);
    this.#rooms(byId("my-rooms"), mine, current, this.#renderedMine);
    this.#rooms(byId("public-rooms"), others, current, this.#renderedOthers);
    byId("my-rooms-label").hidden = mine.length === 0;
    byId("public-rooms-label").hidden = others.length === 0;
    byId("chat").dataset.pane = current === null ? "rooms" : "messages";
    this.#connection(connection);
    this.#room(current);
    const unread = all.reduce((sum, room) => sum + (room.member ? room.unread : 0), 0);
    document.title = `${unread ? `(${formatCount(unread)}) ` : ""}${current ? `${roomLabel(current)} · ` : ""}Parley`;
  }

  showPeople(open) {
    byId("people-pane").hidden = !open;
    byId("people-toggle").setAttribute("aria-expanded", String(open));
  }

  notice(sentence) {
    clearTimeout(this.#noticeTimer);
    byId("notice").hidden = false;
    setText(byId("notice"), sentence);
    this.#noticeTimer = setTimeout(() => { byId("notice").hidden = true; }, NOTICE_MS);
  }

  /** Focus the composer as soon as it is enabled: joining a room takes a moment. */
  focusComposer() {
    // On a phone, focus would open the keyboard.
    this.#focusPending = WIDE.matches;
  }

  // Internal

  #rooms(list, rooms, current, rendered) {
    reconcile(list, rooms.map((room) => {
      const facts = [roomLabel(room), room.member ? room.unread : 0, room.mentions, room === current];
      return { key: room.name, version: JSON.stringify(facts), build: () => this.#roomLink(room, facts) };
    }), rendered);
  }

  #roomLink(room, [label, unread, mentions, chosen]) {
    const count = make("span", `badge${mentions ? " mention" : ""}`, formatCount(unread));
    count.setAttribute("aria-label", `${formatCount(unread)} unread`);
    const anchor = make("a", unread ? "unread" : "", make("bdi", "", label), unread ? count : null);
    anchor.href = `#${room.name}`;
    if (chosen) anchor.setAttribute("aria-current", "page");
    // A click on the current room doesn't change the address.
    anchor.addEventListener("click", () => this.#on.open(room.name));
    return make("li", "", anchor);
  }

  #connection(connection) {
    const { state, reason } = connection;
    const shown = this.#shownState(connection);
    const text = state === "stopped" && reason ? `Not connected: ${reason}` : CONNECTION[shown];
    byId("connection").dataset.state = shown;
    setText(byId("connection-text"), text);
    byId("reconnect").hidden = state !== "stopped" && shown !== "waiting";
  }

  // Attempts to reconnect come and go: only their outcome is worth announcing.
  #shownState({ state }) {
    if (state === "online") this.#wasOnline = true;
    if (state === "online" || state === "stopped") return state;
    if (!navigator.onLine) return "offline";
    return this.#wasOnline ? "waiting" : state;
  }

  #room(room) {
    const there = room !== null && room.refused === null;
    byId("no-room").hidden = there;
    setText(byId("no-room").firstElementChild, room?.refused ?? "Select a room, or create one.");
    byId("log").hidden = !there;
    this.#composer.show(there && room.member && !room.archived ? room : null);
    byId("join-bar").hidden = !there || room.member || room.archived || room.kind !== "public" || room.cursor === null;
    byId("people-toggle").hidden = !there || !room.member;
    byId("people-pane").classList.toggle("empty", !there || !room.member);
    setText(byId("room-name"), room === null ? "" : roomLabel(room));
    setText(byId("room-title"), room?.archived ? "archived" : (room?.title ?? ""));
    setText(byId("typing"), there ? typingLine(room.presence.typing(Date.now())) : "");
    if (!there) return;
    if (this.#focusPending && !byId("composer").hidden) {
      this.#focusPending = false;
      byId("text").focus();
    }
    setText(byId("people-count"), String(room.presence.count));
    byId("add-form").hidden = !["owner", "moderator"].includes(room.role) || room.kind === "direct";
    byId("leave").hidden = !room.member || room.kind === "direct";
    const people = room.presence.names();
    const more = room.presence.count - people.length;
    reconcile(byId("people"), [
      ...people.map((name) => ({ key: name, version: "", build: () => make("li", "", make("bdi", "", name)) })),
      ...(more > 0 ? [{ key: " more", version: more, build: () => make("li", "hint", `${more} more`) }] : []),
    ], this.#renderedPeople);
  }

  // User actions

  #bindLogin() {
    byId("login-switch").addEventListener("click", () => this.#register(!this.#registering));
    byId("login-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const { username, password } = event.target;
      this.#submit("login-error", byId("login-submit"), () => this.#on.authenticate({
        username: username.value.trim(), password: password.value, register: this.#registering,
      }));
    });
  }

  #register(registering) {
    this.#registering = registering;
    byId("password-hint").hidden = !registering;
    byId("password").autocomplete = registering ? "new-password" : "current-password";
    setText(byId("login-submit"), registering ? "Create account" : "Log in");
    setText(byId("login-switch"), registering ? "I already have an account" : "New here? Create an account");
    setText(byId("login-error"), "");
  }

  #bindChat() {
    byId("log-out").addEventListener("click", () => this.#on.logOut());
    byId("reconnect").addEventListener("click", () => this.#on.reconnect());
    byId("people-toggle").addEventListener("click", () => this.showPeople(byId("people-pane").hidden));
    byId("people-close").addEventListener("click", () => this.showPeople(false));
    byId("join").addEventListener("click", () => {
      this.focusComposer();
      this.#on.join();
    });
    byId("leave").addEventListener("click", () => this.#withNotice(() => this.#on.leave()));
    byId("add-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#withNotice(async () => {
        await this.#on.addMember(byId("add-name").value.trim());
        event.target.reset();
      });
    });
  }

  #bindRoomDialog() {
    const dialog = byId("room-dialog");
    const kind = byId("room-kind");
    byId("new-room").addEventListener("click", () => dialog.showModal());
    byId("room-cancel").addEventListener("click", () => dialog.close());
    kind.addEventListener("change", () => {
      const direct = kind.value === "direct";
      setText(byId("new-name-label"), direct ? "Username of the other person" : "Name");
      byId("new-title-label").hidden = direct;
    });
    dialog.addEventListener("close", () => {
      byId("room-form").reset();
      kind.dispatchEvent(new Event("change"));
      setText(byId("room-error"), "");
    });
    byId("room-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit("room-error", event.submitter, async () => {
        await this.#on.createRoom({
          kind: kind.value, name: byId("new-name").value.trim(), title: byId("new-title").value.trim(),
        });
        dialog.close();
      });
    });
  }

  // Run one submission at a time, and show its error below the form.
  async #submit(errorId, button, work) {
    setText(byId(errorId), "");
    button.disabled = true;
    try {
      await work();
    } catch (error) {
      setText(byId(errorId), error.message);
    } finally {
      button.disabled = false;
    }
  }

  async #withNotice(work) {
    try {
      await work();
    } catch (error) {
      this.notice(error.message);
    }
  }
}
