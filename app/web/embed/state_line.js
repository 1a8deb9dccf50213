/**
 * The line of `<parley-chat>` that says what is wrong: no connection, no log-in, no room. Announced
 * politely, and only what lasts: attempts to connect come and go.
 */

import { make, setText, textButton } from "../dom.js";

const SENTENCES = {
  online: "",
  connecting: "Connecting…",
  offline: "You are offline. What you write is sent when you are back.",
  waiting: "Not connected. Trying again…",
  login: "You could not be logged in. Trying again…",
  back: "Connected again.",
};

// A first connection is mostly there before this is read; a short outage is over.
const CONNECTING_AFTER_MS = 500;
const OUTAGE_AFTER_MS = 2_000;

const BACK_MS = 3_000;
const NOTICE_MS = 6_000;

export class StateLine {
  element = make("div", "state");

  #text = make("p");
  #retry;
  #isOnline = false;
  #wasOnline = false;
  // Whether it has lasted long enough to be shown, and how the last attempt has ended.
  #isLate = false;
  #hasFailed = false;
  #isRefused = false;
  // Whether the page has failed to give a token.
  #hasNoToken = false;
  #isBack = false;
  // Sentences: about what a person has just tried, and why there is nothing more to come.
  #notice = null;
  #ended = null;
  #timers = { late: null, back: null, notice: null };

  /** @param retry called at a person's request, to connect now */
  constructor(retry) {
    this.element.part = "state";
    this.#text.setAttribute("role", "status");
    this.#retry = textButton("Try again", retry);
    this.element.append(this.#text, this.#retry);
    this.#draw();
  }

  /** A client begins to connect. @param signal ends with it */
  start(signal) {
    this.#clear();
    this.#hasSoon(CONNECTING_AFTER_MS);
    for (const type of ["online", "offline"]) addEventListener(type, () => this.#draw(), { signal });
    signal.addEventListener("abort", () => this.#clear(), { once: true });
  }

  /** The client's connection has changed: `{state, code}`. */
  onConnection({ state, code = 0 }) {
    if (state === "online") {
      this.#isBack = this.#wasOnline && this.#isLate;
      if (this.#isBack) this.#after("back", BACK_MS, () => { this.#isBack = false; });
      this.#isOnline = this.#wasOnline = true;
      this.#isLate = this.#hasFailed = this.#isRefused = false;
      clearTimeout(this.#timers.late);
    } else {
      if (this.#isOnline) this.#hasSoon(OUTAGE_AFTER_MS);
      this.#isOnline = false;
      if (state === "waiting") {
        this.#hasFailed = true;
        // 43xx: the server wants another token, also after the one that it has just got.
        this.#isRefused = this.#hasNoToken || Math.floor(code / 100) === 43;
      }
    }
    this.#draw();
  }

  /** The page was asked for a token. Shows when the attempt has ended. */
  onLogin({ failed }) {
    this.#hasNoToken = failed;
  }

  /** What a person has tried did not work. */
  notice(sentence) {
    this.#notice = sentence;
    this.#after("notice", NOTICE_MS, () => { this.#notice = null; });
    this.#draw();
  }

  /** There is nothing more to come. @param canRetry whether another attempt may help */
  end(sentence, canRetry) {
    this.#ended = { sentence, canRetry };
    this.#draw();
  }

  // Internal

  get #state() {
    if (this.#ended !== null) return "ended";
    if (this.#notice !== null) return "notice";
    if (this.#isOnline) return this.#isBack ? "back" : "online";
    if (!this.#isLate) return "online";
    if (!navigator.onLine) return "offline";
    if (this.#isRefused) return "login";
    return this.#hasFailed || this.#wasOnline ? "waiting" : "connecting";
  }

  #draw() {
    const state = this.#state;
    this.element.dataset.state = state;
    setText(this.#text, SENTENCES[state] ?? this.#notice ?? this.#ended.sentence);
    this.#retry.hidden = !(["login", "waiting"].includes(state) || (state === "ended" && this.#ended.canRetry));
  }

  #hasSoon(ms) {
    this.#after("late", ms, () => { this.#isLate = true; });
  }

  #after(name, ms, change) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = setTimeout(() => {
      change();
      this.#draw();
    }, ms);
  }

  #clear() {
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    this.#isOnline = this.#wasOnline = this.#isBack = false;
    this.#isLate = this.#hasFailed = this.#isRefused = this.#hasNoToken = false;
    this.#notice = this.#ended = null;
    this.#draw();
  }
}
