/**
 * The login of this browser: two tokens and their user, kept in local storage
 * and shared by all tabs. The client exchanges them before they expire.
 */

import { Http } from "./client/http.js";
import { LIMITS } from "./client/limits.js";
import { StoredTokens } from "./client/stored_tokens.js";
import { tokensOf } from "./client/tokens.js";
import { ApiError, BASE, forUser } from "./http.js";

const KEY = "parley.session";

// Prefix of every storage key of this page.
const PREFIX = "parley.";

/** Where the client finds the tokens, and keeps those that it gets for them. */
export class Session extends StoredTokens {
  // For requests before there is a token, and after.
  #http = new Http(BASE, LIMITS);
  #onEnd;

  /** @param onEnd called when the login has ended, here or in another tab. */
  constructor({ onEnd }) {
    super(localStorage, KEY);
    this.#onEnd = onEnd;
    addEventListener("storage", ({ key, newValue }) => {
      if ((key === KEY || key === null) && newValue === null) this.#onEnd(null);
    });
  }

  get user() {
    return this.load()?.user ?? null;
  }

  // Actions

  async register(username, password) {
    await forUser(this.#http.request("POST", "users", { json: { username, password } }));
    await this.logIn(username, password);
  }

  async logIn(username, password) {
    const form = { grant_type: "password", username, password };
    const tokens = tokensOf(await forUser(this.#http.request("POST", "token", { form })).catch((error) => {
      throw error.status === 401 ? new ApiError(error, "Wrong username or password.") : error;
    }));
    const { username: user } = await forUser(this.#http.request("GET", "users/me", { token: tokens.access }));
    await super.save({ user, ...tokens });
  }

  /** Revoke the session, and forget it here even if the server can't be reached. */
  async logOut() {
    const stored = this.load();
    this.forget();
    if (stored !== null) await this.#http.request("POST", "token/revoke", { form: { token: stored.refresh } });
  }

  forget() {
    for (const storage of [localStorage, sessionStorage]) {
      Object.keys(storage)
        .filter((key) => key.startsWith(PREFIX))
        .forEach((key) => storage.removeItem(key));
    }
    super.save(null);
  }

  // For the client

  /** Keep other tokens of the same login; null: the server has ended it. */
  async save(tokens) {
    const stored = this.load();
    // Logged out while the request was in flight: stay logged out.
    if (stored === null) return;
    if (tokens !== null) {
      await super.save({ user: stored.user, ...tokens });
      return;
    }
    this.forget();
    this.#onEnd("You have been logged out.");
  }
}
