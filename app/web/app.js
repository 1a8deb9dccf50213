/**
 * Entry point: connects session, chat and page.
 */

import { Api } from "./api.js";
import { Chat } from "./chat.js";
import { Drafts } from "./drafts.js";
import { registerServiceWorker } from "./installation.js";
import { LoginView } from "./login_view.js";
import { Navigation } from "./navigation.js";
import { Page } from "./page.js";
import { Session } from "./session.js";
import { applyTheme } from "./theme.js";
import { WIDE } from "./view.js";

// New public rooms of other users are not announced: poll for them.
const REFRESH_ROOMS_MS = 60_000;

// Typing indicators expire without a frame: redraw to remove them.
const REDRAW_MS = 3_000;

class App {
  #session = new Session({ onEnd: (notice) => this.#closeChat(notice) });
  #api = new Api(() => this.#client());
  #login = new LoginView((credentials) => this.#authenticate(credentials));
  #chat = null;
  #navigation = new Navigation({ api: this.#api, chat: () => this.#chat });
  #page;
  #drawing = false;

  constructor() {
    this.#page = new Page({
      api: this.#api,
      chat: () => this.#chat,
      drafts: new Drafts(),
      navigation: this.#navigation,
      redraw: () => this.#scheduleDraw(),
      logOut: () => this.#logOut(),
    });
    addEventListener("hashchange", () => this.#openFromAddress());
    for (const type of ["online", "offline"]) addEventListener(type, () => this.#scheduleDraw());
    document.addEventListener("visibilitychange", () => this.#onVisibilityChange());
    setInterval(() => this.#refresh(), REFRESH_ROOMS_MS);
    setInterval(() => this.#scheduleDraw(), REDRAW_MS);
  }

  start() {
    // After what the page itself loads.
    addEventListener("load", () => registerServiceWorker(() => this.#onNewVersion()));
    if (this.#session.user === null) {
      this.#login.show(null);
      return;
    }
    this.#chat = this.#newChat();
    this.#openChat();
  }

  // Logging in and out

  async #authenticate({ username, password, register }) {
    if (register) await this.#session.register(username, password);
    else await this.#session.logIn(username, password);
    this.#chat = this.#newChat();
    // Without the first room, a new user still has all others to look at.
    if (register) await this.#navigation.joinFirst(this.#session.user).catch(() => {});
    this.#openChat();
  }

  #newChat() {
    return new Chat({
      api: this.#api,
      session: this.#session,
      onChange: () => this.#scheduleDraw(),
      onNotice: (sentence) => this.#page.notice(sentence),
      onMessage: (room, message) => this.#page.onMessage(room, message),
    });
  }

  #client() {
    if (this.#chat === null) throw new Error("You have been logged out.");
    return this.#chat.client;
  }

  #openChat() {
    this.#login.hide();
    this.#page.open(this.#chat.me);
    // On a phone the list of rooms comes first.
    if (location.hash === "" && WIDE.matches && this.#navigation.last !== null) {
      history.replaceState(null, "", `#${this.#navigation.last}`);
    }
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
    const { name, seq, invite } = this.#navigation.place;
    if (invite !== undefined) {
      this.#page.attempt(() => this.#navigation.accept(invite));
      return;
    }
    if (this.#chat.current?.name !== name || name === null) this.#chat.open(name);
    this.#navigation.remember(name);
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

  #onVisibilityChange() {
    if (document.hidden) return;
    this.#page.onVisible();
    this.#refresh();
    this.#scheduleDraw();
  }

  #onNewVersion() {
    if (this.#chat !== null) this.#page.notice("There is a new version. Reload the page to use it.");
  }

  #refresh() {
    if (document.hidden) return;
    this.#chat?.refresh().catch(() => {
      // The connection state on the page shows that already.
    });
  }
}

applyTheme();
new App().start();
