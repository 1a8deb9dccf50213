/**
 * Access tokens: where they come from, and one exchange at a time.
 *
 * A refresh token can be exchanged once (docs/protocol.md, 2.7), so an exchange is one promise that
 * all callers share and none can cancel, and a lost response is retried at once with the same token.
 */

import { Refused, Unreachable } from "./errors.js";

/** @import { Http } from "./http.js" */
/** @import { ClientOptions, TokenStore, Tokens } from "./types.js" */

// Within the 10 s in which the server exchanges a used refresh token again.
const TRIES = 3;

// Renew a token that expires within this time: longer than any request takes.
const RENEW_BEFORE_MS = 30_000;

export class TokenSource {
  #http;
  #options;
  /** @type {TokenStore | null} */
  #store = null;
  /** @type {Tokens | null} */
  #tokens = null;
  /** @type {Promise<string> | null} */
  #getting = null;

  /** @param {Http} http @param {ClientOptions} options */
  constructor(http, options) {
    const { getToken, username, password, tokens } = options;
    if ((username === undefined) !== (password === undefined)) throw new TypeError("A username needs a password.");
    if ((getToken !== undefined) === (username !== undefined || tokens !== undefined)) {
      throw new TypeError("Give getToken, or a username and password, or tokens.");
    }
    this.#http = http;
    this.#options = options;
    if (tokens && "load" in tokens) this.#store = tokens;
    else this.#tokens = tokens ?? null;
  }

  /** A token to connect with; `getToken` is asked each time. @returns {Promise<string>} */
  connecting() {
    return this.#options.getToken ? this.#shared(null) : this.access();
  }

  /** A token for a request. @returns {Promise<string>} */
  async access() {
    if (this.#store) this.#tokens = await this.#store.load();
    const known = this.#tokens;
    if (known === null) return this.#shared(null);
    const isFresh = known.expiresAt === null || known.expiresAt - Date.now() > RENEW_BEFORE_MS;
    return isFresh || this.#options.getToken ? known.access : this.#shared(known.access);
  }

  /** Another token than `stale`, which the server no longer takes. @param {string} stale @returns {Promise<string>} */
  async renew(stale) {
    if (this.#store) this.#tokens = await this.#store.load();
    const known = this.#tokens?.access;
    return known === undefined || known === stale ? this.#shared(stale) : known;
  }

  /** End a log-in that this client began and whose tokens nobody else has. Never rejects. */
  async end() {
    const known = this.#tokens;
    this.#tokens = null;
    if (known === null || this.#options.getToken || this.#options.tokens) return;
    const form = { token: known.refresh ?? known.access };
    await this.#http.request("POST", "token/revoke", { form }).catch(() => {});
  }

  /** @param {string | null} stale @returns {Promise<string>} */
  #shared(stale) {
    this.#getting ??= this.#get(stale).finally(() => { this.#getting = null; });
    return this.#getting;
  }

  /** @param {string | null} stale @returns {Promise<string>} */
  async #get(stale) {
    if (this.#options.getToken) return this.#ask(this.#options.getToken, stale);
    const store = this.#store;
    if (store === null) return this.#exchange();
    return store.exclusive(async () => {
      const kept = await store.load();
      // Another tab or process was first.
      if (kept !== null && kept.access !== stale) {
        this.#tokens = kept;
        return kept.access;
      }
      this.#tokens = kept;
      return this.#exchange();
    });
  }

  /** @param {NonNullable<ClientOptions["getToken"]>} getToken @param {string | null} stale */
  async #ask(getToken, stale) {
    let access;
    try {
      access = await getToken({ stale });
    } catch (error) {
      // Its log-in has ended: for good. Anything else may be different at the next attempt.
      if (error instanceof Refused) throw error;
      throw new Unreachable("There is no token: getToken failed.", error);
    }
    this.#tokens = { access: checked(access), refresh: null, expiresAt: null };
    return access;
  }

  /** @returns {Promise<string>} */
  async #exchange() {
    const refresh = this.#tokens?.refresh;
    const { username, password } = this.#options;
    if (refresh) {
      const { began = refresh, renewals = 0 } = /** @type {Tokens} */ (this.#tokens);
      try {
        const answer = await this.#post({ grant_type: "refresh_token", refresh_token: refresh }, TRIES);
        return await this.#keep({ ...tokensOf(answer), began, renewals: renewals + 1 });
      } catch (error) {
        if (!(error instanceof Refused) || error.status !== 401) throw error;
        // The session has ended; only a password begins another. What is kept may be another log-in by now.
        if ((await this.#store?.load())?.refresh === refresh) await this.#store?.save(null);
        this.#tokens = null;
        if (username === undefined) throw error;
      }
    }
    if (username === undefined || password === undefined) {
      throw new Refused("unauthorized", "The log-in has ended. Log in again.", { status: 401 });
    }
    return this.#keep(tokensOf(await this.#post({ grant_type: "password", username, password }, 1)));
  }

  /** @param {Record<string, string>} form @param {number} tries @returns {Promise<any>} */
  async #post(form, tries) {
    try {
      return await this.#http.request("POST", "token", { form });
    } catch (error) {
      if (tries > 1 && error instanceof Unreachable) return this.#post(form, tries - 1);
      throw error;
    }
  }

  /** @param {Tokens} tokens */
  async #keep(tokens) {
    this.#tokens = tokens;
    await this.#store?.save(tokens);
    return tokens.access;
  }
}

/** The tokens in an answer of `POST /token`. @param {any} answer @returns {Tokens} */
export function tokensOf({ access_token: access, refresh_token: refresh = null, expires_in: seconds }) {
  const expiresAt = typeof seconds === "number" ? Date.now() + seconds * 1_000 : null;
  return { access: checked(access), refresh, expiresAt };
}

/** A token that can be a subprotocol (RFC 6455, 4.1). @param {unknown} token */
function checked(token) {
  if (typeof token === "string" && /^[\w.~+/=-]+$/.test(token)) return token;
  throw new Refused("unauthorized", "The token is not one of Parley's.");
}
