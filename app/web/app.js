/**
 * Entry point: connects session, chat and page.
 */

import { Api } from "./api.js";
import { Chat } from "./chat.js";
import { MessageList } from "./message_list.js";
import { Session } from "./session.js";
import { View } from "./view.js";

// New public rooms of other users are not announced: poll for them.
const REFRESH_ROOMS_MS = 60_000;

// Typing indicators expire without a frame: redraw to remove them.
const REDRAW_MS = 3_000;

// Items that a room keeps in memory while its end is in view; older ones are
// loaded again on scrolling.
const KEPT_ITEMS = 1_000;

class App {
  #session = new Session({ onEnd: (notice) => this.#closeChat(notice) });
  #api = new Api(this.#session);
  #chat = null;
  #view;
  #messages;
  #drawing = false;

  constructor() {
    this.#view = new View({
      authenticate: (credentials) => this.#authenticate(credentials),
      logOut: () => this.#logOut(),
      open: (name) => this.#open(name),
      createRoom: (room) => this.#createRoom(room),
      addMember: (username) => this.#api.addMember(this.#chat.current.name, username),
      join: () => this.#chat.join(),
      leave: () => this.#chat.leave(),
      send: (text) => this.#chat.send(text),
      typing: (on) => this.#chat.typing(on),
      reconnect: () => this.#chat.reconnect(),
    });
    this.#messages = new MessageList({
      loadOlder: (room) => this.#loadOlder(room),
      onReadToEnd: () => this.#markRead(),
      resend: (id, action) => this.#chat.resend(id, action),
    });
    addEventListener("hashchange", () => this.#openFromAddress());
    addEventListener("online", () => this.#onNetworkChange());
    addEventListener("offline", () => this.#onNetworkChange());
    document.addEventListener("visibilitychange", () => this.#onVisibilityChange());
    setInterval(() => this.#refresh(), REFRESH_ROOMS_MS);
    setInterval(() => this.#scheduleDraw(), REDRAW_MS);
  }

  start() {
    if (this.#session.user === null) this.#view.showLogin();
    else this.#openChat();
  }

  // Logging in and out

  async #authenticate({ username, password, register }) {
    if (register) await this.#session.register(username, password);
    else await this.#session.logIn(username, password);
    this.#openChat();
  }

  #openChat() {
    this.#chat = new Chat({
      api: this.#api,
      session: this.#session,
      onChange: () => this.#scheduleDraw(),
      onNotice: (sentence) => this.#view.notice(sentence),
    });
    this.#view.showChat(this.#chat.me);
    this.#openFromAddress();
    this.#chat.start().catch(({ message }) => this.#view.notice(message));
  }

  async #logOut() {
    this.#closeChat(null);
    try {
      await this.#session.logOut();
    } catch {
      this.#view.showLogin("Logged out on this device. The server couldn't be reached to end the session.");
    }
  }

  #closeChat(notice) {
    if (this.#chat === null) return;
    this.#chat.stop();
    this.#chat = null;
    history.replaceState(null, "", location.pathname);
    this.#messages.clear();
    this.#view.showLogin(notice);
  }

  // Rooms

  #openFromAddress() {
    if (this.#chat === null) return;
    this.#chat.open(roomInAddress());
    if (this.#chat.current !== null) this.#view.focusComposer();
  }

  // A click on the current room: the address doesn't change, but the room may have to be joined again.
  #open(name) {
    if (this.#chat.current?.name === name) this.#chat.open(name);
  }

  async #createRoom(request) {
    const summary = request.kind === "direct"
      ? await this.#api.directRoom(request.name)
      : await this.#api.createRoom(request);
    this.#chat.addRoom(summary);
    location.hash = summary.name;
  }

  async #loadOlder(room) {
    try {
      await this.#chat?.loadOlder(room);
      this.#draw();
    } catch ({ message }) {
      this.#view.notice(message);
    }
  }

  // Drawing

  // Frames arrive in bursts: draw once after each.
  #scheduleDraw() {
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
      this.#closeChat("You have been logged out.");
      return;
    }
    this.#view.draw(chat);
    if (chat.current === null) return;
    if (this.#messages.atEnd) chat.current.trim(KEPT_ITEMS);
    this.#messages.show(chat.current, chat.unsent(chat.current), chat.me);
    this.#markRead();
  }

  #markRead() {
    if (!document.hidden && this.#messages.atEnd) this.#chat?.markRead();
  }

  #onVisibilityChange() {
    if (document.hidden) return;
    this.#chat?.wake();
    this.#refresh();
    this.#scheduleDraw();
  }

  #onNetworkChange() {
    if (navigator.onLine) this.#chat?.wake();
    else this.#chat?.onOffline();
    this.#scheduleDraw();
  }

  #refresh() {
    if (document.hidden) return;
    this.#chat?.refresh().catch(() => {
      // The connection state on the page shows that already.
    });
  }
}

/** The name of the room in the address's hash, or null. */
function roomInAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1)).toLowerCase() || null;
  } catch {
    return null;
  }
}

new App().start();
