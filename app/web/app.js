/**
 * Entry point: connects session, chat and page.
 */

import { Api } from "./api.js";
import { Chat } from "./chat.js";
import { Drafts } from "./drafts.js";
import { LoginView } from "./login_view.js";
import { Page } from "./page.js";
import { Session } from "./session.js";

// New public rooms of other users are not announced: poll for them.
const REFRESH_ROOMS_MS = 60_000;

// Typing indicators expire without a frame: redraw to remove them.
const REDRAW_MS = 3_000;

class App {
  #session = new Session({ onEnd: (notice) => this.#closeChat(notice) });
  #api = new Api(this.#session);
  #login = new LoginView((credentials) => this.#authenticate(credentials));
  #chat = null;
  #page;
  #drawing = false;

  constructor() {
    this.#page = new Page({
      api: this.#api, chat: () => this.#chat, drafts: new Drafts(), redraw: () => this.#scheduleDraw(), logOut: () => this.#logOut(),
    });
    addEventListener("hashchange", () => this.#openFromAddress());
    addEventListener("online", () => this.#onNetworkChange());
    addEventListener("offline", () => this.#onNetworkChange());
    document.addEventListener("visibilitychange", () => this.#onVisibilityChange());
    setInterval(() => this.#refresh(), REFRESH_ROOMS_MS);
    setInterval(() => this.#scheduleDraw(), REDRAW_MS);
  }

  start() {
    if (this.#session.user === null) this.#login.show(null);
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
      onNotice: (sentence) => this.#page.notice(sentence),
    });
    this.#login.hide();
    this.#page.open(this.#chat.me);
    this.#openFromAddress();
    this.#chat.start().catch(({ message }) => this.#page.notice(message));
  }

  async #logOut() {
    this.#closeChat(null);
    try {
      await this.#session.logOut();
    } catch {
      this.#login.show("Logged out on this device. The server couldn't be reached to end the session.");
    }
  }

  #closeChat(notice) {
    if (this.#chat === null) return;
    this.#chat.stop();
    this.#chat = null;
    history.replaceState(null, "", location.pathname);
    this.#page.close();
    this.#login.show(notice);
  }

  // Rooms

  #openFromAddress() {
    if (this.#chat === null) return;
    const [name, seq] = placeInAddress();
    if (this.#chat.current?.name !== name || name === null) this.#chat.open(name);
    if (seq !== null) this.#page.jumpTo(seq);
    else if (name !== null) this.#page.focusComposer();
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
    this.#page.draw();
  }

  #onNetworkChange() {
    if (navigator.onLine) this.#chat?.wake();
    else this.#chat?.onOffline();
    this.#scheduleDraw();
  }

  #onVisibilityChange() {
    if (document.hidden) return;
    this.#chat?.wake();
    this.#page.onVisible();
    this.#refresh();
    this.#scheduleDraw();
  }

  #refresh() {
    if (document.hidden) return;
    this.#chat?.refresh().catch(() => {
      // The connection state on the page shows that already.
    });
  }
}

/** Room and message in the address's hash, `#room/seq`; null for what isn't there. */
function placeInAddress() {
  try {
    const [name, seq] = decodeURIComponent(location.hash.slice(1)).toLowerCase().split("/");
    return [name || null, /^[1-9]\d{0,15}$/.test(seq) ? Number(seq) : null];
  } catch {
    return [null, null];
  }
}

new App().start();
