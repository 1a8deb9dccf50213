/**
 * Wiring: session, chat and page, and who calls whom.
 */

import { Api } from "./api.js";
import { Chat } from "./chat.js";
import { Log } from "./log.js";
import { Session } from "./session.js";
import { View } from "./view.js";

// Public rooms that others make appear without a signal: look now and then.
const REFRESH_ROOMS_MS = 60_000;

// Who typed a while ago has stopped: look again.
const REDRAW_MS = 3_000;

// What a room keeps in memory while its end is looked at; the rest is paged
// back on scrolling.
const KEPT_ITEMS = 1_000;

class App {
  #session = new Session({ onEnd: (why) => this.#leave(why) });
  #api = new Api(this.#session);
  #chat = null;
  #view;
  #log;
  #drawing = false;

  constructor() {
    this.#view = new View({
      enter: (who) => this.#enter(who),
      logOut: () => this.#logOut(),
      open: (name) => this.#open(name),
      makeRoom: (room) => this.#makeRoom(room),
      addMember: (username) => this.#api.addMember(this.#chat.current.name, username),
      leave: () => this.#chat.leave(),
      say: (text) => this.#chat.say(text),
      typing: (on) => this.#chat.typing(on),
      reconnect: () => this.#chat.reconnect(),
    });
    this.#log = new Log({
      older: (room) => this.#older(room),
      seen: () => this.#seen(),
      resend: (id, wish) => this.#chat.resend(id, wish),
    });
    addEventListener("hashchange", () => this.#openFromAddress());
    addEventListener("online", () => this.#chat?.wake());
    document.addEventListener("visibilitychange", () => this.#lookedAt());
    setInterval(() => this.#refresh(), REFRESH_ROOMS_MS);
    setInterval(() => this.#changed(), REDRAW_MS);
  }

  start() {
    if (this.#session.user === null) this.#view.showDoor();
    else this.#arrive();
  }

  // Coming and going

  async #enter({ username, password, register }) {
    if (register) await this.#session.register(username, password);
    else await this.#session.logIn(username, password);
    this.#arrive();
  }

  #arrive() {
    this.#chat = new Chat({
      api: this.#api,
      session: this.#session,
      onChange: () => this.#changed(),
      onNotice: (sentence) => this.#view.notice(sentence),
    });
    this.#view.showHouse(this.#chat.me);
    this.#openFromAddress();
    this.#chat.start().catch(({ message }) => this.#view.notice(message));
  }

  async #logOut() {
    this.#leave(null);
    try {
      await this.#session.logOut();
    } catch {
      this.#view.showDoor("Logged out here. The server couldn't be told; it will forget by itself.");
    }
  }

  #leave(why) {
    if (this.#chat === null) return;
    this.#chat.stop();
    this.#chat = null;
    history.replaceState(null, "", location.pathname);
    this.#log.clear();
    this.#view.showDoor(why);
  }

  // Rooms

  #openFromAddress() {
    if (this.#chat === null) return;
    this.#chat.open(addressed());
    if (this.#chat.current !== null) this.#view.focusComposer();
  }

  // The room is the current one already: ask for it again if it was lost.
  #open(name) {
    if (this.#chat.current?.name === name) this.#chat.open(name);
  }

  async #makeRoom(wish) {
    const summary = wish.kind === "direct"
      ? await this.#api.directRoom(wish.name)
      : await this.#api.createRoom(wish);
    this.#chat.learn(summary);
    location.hash = summary.name;
  }

  async #older(room) {
    try {
      await this.#chat?.loadOlder(room);
      this.#draw();
    } catch ({ message }) {
      this.#view.notice(message);
    }
  }

  // Drawing

  // Many frames arrive in one go: draw once after them.
  #changed() {
    if (this.#drawing) return;
    this.#drawing = true;
    setTimeout(() => {
      this.#drawing = false;
      this.#draw();
    });
  }

  #draw() {
    const chat = this.#chat;
    if (chat === null) return;
    if (chat.connection.state === "stopped" && chat.connection.code === 4001) {
      this.#session.forget();
      this.#leave("You have been logged out.");
      return;
    }
    this.#view.draw(chat);
    if (chat.current === null) return;
    if (this.#log.atEnd) chat.current.trim(KEPT_ITEMS);
    this.#log.show(chat.current, chat.unsent(chat.current), chat.me);
    this.#seen();
  }

  #seen() {
    if (!document.hidden && this.#log.atEnd) this.#chat?.seen();
  }

  #lookedAt() {
    if (document.hidden) return;
    this.#chat?.wake();
    this.#refresh();
    this.#changed();
  }

  #refresh() {
    if (document.hidden) return;
    this.#chat?.refresh().catch(() => {
      // Out of reach: the connection state says so already.
    });
  }
}

/** The room that the address names, or null. */
function addressed() {
  try {
    return decodeURIComponent(location.hash.slice(1)).toLowerCase() || null;
  } catch {
    return null;
  }
}

new App().start();
