/**
 * Who is logged in here: the two tokens, kept in the browser's storage.
 *
 * The access token is exchanged before it ends. All tabs share one log-in, and
 * one of them exchanges at a time where the browser has locks; where it has
 * none, the server's ten seconds of grace for a spent token do.
 */

import { ApiError, call } from "./api.js";

const KEY = "parley.session";

// All that this page ever stores begins with this.
const PREFIX = "parley.";

// Exchange a token that ends within this time: longer than any request takes.
const RENEW_BEFORE_MS = 30_000;

export class Session {
  #onEnd;

  /** @param onEnd called when the log-in has ended, here or in another tab. */
  constructor({ onEnd }) {
    this.#onEnd = onEnd;
    addEventListener("storage", ({ key, newValue }) => {
      if ((key === KEY || key === null) && newValue === null) this.#onEnd(null);
    });
  }

  get user() {
    return this.#read()?.user ?? null;
  }

  // Actions

  async register(username, password) {
    await call("POST", "users", { json: { username, password } });
    await this.logIn(username, password);
  }

  async logIn(username, password) {
    let answer;
    try {
      answer = await call("POST", "token", { form: { grant_type: "password", username, password } });
    } catch (error) {
      if (error.status !== 401) throw error;
      throw new ApiError("Wrong username or password.", { code: error.code, status: 401 });
    }
    const { username: user } = await call("GET", "users/me", { token: answer.access_token });
    this.#write(user, answer);
  }

  /** End the log-in on the server and forget it here, even if the server can't be reached. */
  async logOut() {
    const held = this.#read();
    this.forget();
    if (held !== null) await call("POST", "token/revoke", { form: { token: held.refresh } });
  }

  forget() {
    for (const storage of [localStorage, sessionStorage]) {
      Object.keys(storage)
        .filter((key) => key.startsWith(PREFIX))
        .forEach((key) => storage.removeItem(key));
    }
  }

  /** An access token that lives a while. `fresh` asks for a new one in any case. */
  async token({ fresh = false } = {}) {
    const held = this.#read();
    if (held === null) throw ended();
    if (!fresh && this.#lasts(held)) return held.access;
    return this.#alone(() => this.#renew(held.access));
  }

  // Internal

  async #renew(old) {
    const held = this.#read();
    if (held === null) throw ended();
    // Another tab was quicker.
    if (held.access !== old && this.#lasts(held)) return held.access;
    let answer;
    try {
      answer = await call("POST", "token", {
        form: { grant_type: "refresh_token", refresh_token: held.refresh },
      });
    } catch (error) {
      if (error.status !== 401) throw error;
      this.forget();
      this.#onEnd("You have been logged out.");
      throw ended();
    }
    // Logged out while the answer was on its way: it must not come back.
    if (this.#read() === null) throw ended();
    this.#write(held.user, answer);
    return answer.access_token;
  }

  #alone(work) {
    // Locks exist on https and localhost only.
    return navigator.locks ? navigator.locks.request(KEY, work) : work();
  }

  #lasts({ expiresAt }) {
    return expiresAt - Date.now() > RENEW_BEFORE_MS;
  }

  #read() {
    return JSON.parse(localStorage.getItem(KEY));
  }

  #write(user, { access_token: access, refresh_token: refresh, expires_in: expiresIn }) {
    const expiresAt = Date.now() + expiresIn * 1_000;
    localStorage.setItem(KEY, JSON.stringify({ user, access, refresh, expiresAt }));
  }
}

function ended() {
  return new ApiError("You have been logged out.", { code: "unauthorized", status: 401, final: true });
}
