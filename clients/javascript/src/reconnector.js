/**
 * Keeps a session connected: one connection after the other, as the close codes ask (docs/clients.md).
 *
 * Before the first `welcome` a failure is an error after `openMs`; from then on only what asks for a
 * person ends it. While nothing answers, the server's health is asked for instead of opening
 * WebSockets: browsers delay those that follow failed ones by seconds.
 */

import { ABNORMAL, Backoff, UNAUTHORIZED, nextStep, stopReason } from "./close_codes.js";
import { Connection } from "./connection.js";
import { Refused, Unreachable } from "./errors.js";
import { socketUrl } from "./http.js";

/** @import { End } from "./connection.js" */
/** @import { Http } from "./http.js" */
/** @import { Session } from "./session.js" */
/** @import { TokenSource } from "./tokens.js" */
/** @import { Connection as State } from "./types.js" */

export class Reconnector {
  #http;
  #limits;
  #session;
  #tokens;
  #WebSocket;
  #onState;
  #backoff;
  /** @type {Connection | null} */
  #connection = null;
  // The token of the connection, and the one that the server no longer takes.
  #token = "";
  /** @type {string | null} */
  #stale = null;
  // Whether a refused token was replaced already.
  #isReplaced = false;
  // Since when nothing has answered; null while something does.
  /** @type {number | null} */
  #unreachableSince = null;
  #isStopped = false;
  #startedAt = 0;
  /** @type {(() => void) | null} */
  #wake = null;

  /** @param {{ http: Http, session: Session, tokens: TokenSource, WebSocket: typeof WebSocket, onState: (state: State) => void }} parts */
  constructor({ http, session, tokens, WebSocket, onState }) {
    this.#http = http;
    this.#limits = http.limits;
    this.#session = session;
    this.#tokens = tokens;
    this.#WebSocket = WebSocket;
    this.#onState = onState;
    this.#backoff = new Backoff(http.limits);
  }

  /** Connect and reconnect until stopped. Rejects with what ends the client. */
  async run() {
    const deadline = Date.now() + this.#limits.openMs;
    while (!this.#isStopped) {
      this.#startedAt = Date.now();
      const { ms, failure, code } = await this.#attempt();
      if (this.#isStopped) return;
      if (this.#session.welcome === null && Date.now() + ms >= deadline) throw failure;
      this.#onState({ state: "waiting", code, reason: failure.message });
      await this.#pause(ms);
    }
  }

  stop() {
    this.#isStopped = true;
    this.#connection?.close();
    this.#wake?.();
  }

  /** The device woke up, or its network is back: connect now, or find out whether the connection still works. */
  wake() {
    this.#connection?.check();
    if (this.#wake === null) return;
    this.#backoff.failures = Math.min(this.#backoff.failures, 1);
    // Not more often than the shortest pause, whatever the browser fires.
    const early = this.#startedAt + this.#limits.backoffMinMs - Date.now();
    setTimeout(this.#wake, Math.max(0, early));
  }

  /** The network is gone: a connection that seems open is not to be trusted. */
  offline() {
    this.#connection?.drop("offline");
  }

  /** Replace the token on the open connection: the server says that it expires. Never rejects. */
  async renewToken() {
    const connection = this.#connection;
    try {
      const token = await this.#tokens.renew(this.#token);
      if (connection !== this.#connection) return;
      this.#token = token;
      this.#session.sendToken(token);
    } catch {
      // The server will close with 43xx, and the next attempt tries again.
    }
  }

  // Internal

  /** Connect once; say how long to wait then, and why. @returns {Promise<{ ms: number, failure: Error, code: number }>} */
  async #attempt() {
    this.#onState({ state: "connecting" });
    const isProbed = this.#unreachableSince !== null;
    if (isProbed && !(await this.#http.isUp())) return this.#onUnreachable("The server can't be reached.");
    if (this.#isStopped) return { ms: 0, failure: new Error(), code: 0 };
    try {
      this.#token = await (this.#stale === null ? this.#tokens.connecting() : this.#tokens.renew(this.#stale));
      this.#stale = null;
    } catch (error) {
      if (error instanceof Refused && !error.isTemporary) throw error;
      if (error instanceof Refused) return { ms: Math.max(this.#backoff.pause("back off"), error.retryAfterMs ?? 0), failure: error, code: 0 };
      // Of the server it is known soon whether it is back; of where else tokens come from it is not.
      const { message, cause } = /** @type {Unreachable} */ (error);
      if (cause instanceof TypeError) return this.#onUnreachable(message);
      return { ms: this.#backoff.pause("back off"), failure: /** @type {Error} */ (error), code: 0 };
    }
    if (this.#isStopped) return { ms: 0, failure: new Error(), code: 0 };
    this.#connection = new Connection(socketUrl(this.#http.base), this.#token, this.#session, this.#limits, this.#WebSocket);
    const end = await this.#connection.ended;
    this.#connection = null;
    return this.#after(end, isProbed);
  }

  /** @param {End} end @param {boolean} isProbed */
  #after({ code, reason, opened, healthy }, isProbed) {
    if (healthy) this.#backoff.reset();
    if (opened) {
      this.#isReplaced = false;
      this.#unreachableSince = null;
    }
    const failure = new Unreachable(reason || "The connection was lost.");
    // A server that answers but takes no WebSocket gets the whole back-off.
    if (code === ABNORMAL && (opened || !isProbed)) return this.#onUnreachable(failure.message);
    if (code === ABNORMAL) this.#unreachableSince = null;
    let step = nextStep(code);
    if (code === UNAUTHORIZED && !opened && !this.#isReplaced) {
      // The token may be older than the server's key; a new one tells.
      this.#isReplaced = true;
      step = "new token";
    }
    if (step === "stop") throw stopReason(code, reason);
    if (step === "new token") this.#stale = this.#token;
    const pause = this.#backoff.pause(step);
    const wanted = (this.#session.reconnectAt ?? 0) - Date.now();
    this.#session.reconnectAt = null;
    return { ms: Math.max(pause, wanted), failure, code };
  }

  // Nothing answers: find out soon whether the server is back.
  /** @param {string} reason */
  #onUnreachable(reason) {
    const now = Date.now();
    const isFirst = this.#unreachableSince === null;
    this.#unreachableSince ??= now;
    const failure = new Unreachable(reason);
    const { unreachableForMs, unreachableRetryMs, backoffMinMs } = this.#limits;
    const soon = (isFirst ? backoffMinMs : unreachableRetryMs) * (0.5 + Math.random() / 2);
    const ms = now - this.#unreachableSince > unreachableForMs ? this.#backoff.pause("back off") : soon;
    return { ms, failure, code: ABNORMAL };
  }

  /** @param {number} ms */
  async #pause(ms) {
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => { clearTimeout(timer); resolve(undefined); };
    });
    this.#wake = null;
  }
}
