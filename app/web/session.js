/**
 * The login of this browser: two tokens, kept in local storage.
 *
 * The access token is renewed before it expires. All tabs share one login, and
 * only one of them renews at a time if the browser supports locks; otherwise
 * the server's grace period of ten seconds for a used refresh token suffices.
 */

import { ApiError, call } from "./http.js";

const KEY = "parley.session";

// Prefix of every storage key of this page.
const PREFIX = "parley.";

// Renew a token that expires within this time: longer than any request takes.
const RENEW_BEFORE_MS = 30_000;

export class Session {
  #onEnd;

  /** @param onEnd called when the login has ended, here or in another tab. */
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

  /** Revoke the session, and forget it here even if the server can't be reached. */
  async logOut() {
    const stored = this.#read();
    this.forget();
    if (stored !== null) await call("POST", "token/revoke", { form: { token: stored.refresh } });
  }

  forget() {
    for (const storage of [localStorage, sessionStorage]) {
      Object.keys(storage)
        .filter((key) => key.startsWith(PREFIX))
        .forEach((key) => storage.removeItem(key));
    }
  }

  /** A valid access token; with `fresh`, always a new one. */
  async token({ fresh = false } = {}) {
    const stored = this.#read();
    if (stored === null) throw sessionEnded();
    if (!fresh && this.#isFresh(stored)) return stored.access;
    return this.#withLock(() => this.#renew(stored.access));
  }

  // Internal

  async #renew(old) {
    const stored = this.#read();
    if (stored === null) throw sessionEnded();
    // Another tab has renewed it already.
    if (stored.access !== old && this.#isFresh(stored)) return stored.access;
    let answer;
    try {
      answer = await call("POST", "token", {
        form: { grant_type: "refresh_token", refresh_token: stored.refresh },
      });
    } catch (error) {
      if (error.status !== 401) throw error;
      this.forget();
      this.#onEnd("You have been logged out.");
      throw sessionEnded();
    }
    // Logged out while the request was in flight: stay logged out.
    if (this.#read() === null) throw sessionEnded();
    this.#write(stored.user, answer);
    return answer.access_token;
  }

  #withLock(work) {
    // The Web Locks API is available on https and localhost only.
    return navigator.locks ? navigator.locks.request(KEY, work) : work();
  }

  #isFresh({ expiresAt }) {
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

function sessionEnded() {
  return new ApiError("You have been logged out.", { code: "unauthorized", status: 401, final: true });
}
