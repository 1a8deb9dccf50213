/**
 * One WebSocket, from its handshake to its end. Never rejects.
 *
 * It sends the token as a subprotocol, so that it is in no URL and no log, and notices silence:
 * scripts in browsers don't see the server's pings.
 */

import { ABNORMAL } from "./close_codes.js";

/** @import { Limits } from "./limits.js" */
/** @import { Session } from "./session.js" */
/** @import { Frame } from "./types.js" */

const PROTOCOL = "parley.v1";

// If `welcome` doesn't say, as the server's default.
const HEARTBEAT_SECONDS = 25;

/**
 * How a connection has ended: `code` is the close code, 1006 if there was none; `opened` tells whether
 * there was a `welcome`, `healthy` whether it had caught up.
 *
 * @typedef {{ code: number, reason: string, opened: boolean, healthy: boolean }} End
 */

export class Connection {
  #socket;
  #session;
  #limits;
  #opened = false;
  #heartbeatMs = HEARTBEAT_SECONDS * 1_000;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #writing;
  /** @type {(end: End) => void} */
  #resolve = () => {};
  #isOver = false;
  /** @type {Promise<End>} */
  ended = new Promise((resolve) => { this.#resolve = resolve; });

  /** @param {URL} url @param {string} token @param {Session} session @param {Limits} limits @param {typeof WebSocket} WebSocket */
  constructor(url, token, session, limits, WebSocket) {
    this.#session = session;
    this.#limits = limits;
    this.#socket = new WebSocket(url, [PROTOCOL, `bearer.${token}`]);
    this.#socket.onmessage = ({ data }) => this.#onMessage(data);
    this.#socket.onclose = ({ code, reason }) => this.#end(code, reason);
    this.#socket.onerror = () => {};
    this.#silence = setTimeout(() => this.drop("no answer"), limits.handshakeMs);
  }

  /** End it without waiting for its close: on a dead network the closing handshake takes minutes. @param {string} reason */
  drop(reason) {
    this.#end(ABNORMAL, reason);
  }

  /** Close it, as the protocol has it. */
  close() {
    this.#end(1000, "");
  }

  /** Find out whether it still works: the device was asleep, or the network has changed. */
  check() {
    if (this.#opened) this.#ping(this.#limits.wakePongMs);
  }

  /** Write what is due. */
  flush() {
    if (!this.#opened || this.#isOver) return;
    clearTimeout(this.#writing);
    for (;;) {
      const due = this.#session.take(Date.now());
      if (typeof due === "number") {
        if (due < Infinity) this.#writing = setTimeout(() => this.flush(), Math.ceil(due));
        return;
      }
      this.#socket.send(JSON.stringify(due));
    }
  }

  /** @param {unknown} data */
  #onMessage(data) {
    try {
      /** @type {Frame} */
      const frame = JSON.parse(/** @type {string} */ (data));
      if (this.#opened) {
        this.#session.onFrame(frame, Date.now());
      } else {
        if (frame.type !== "welcome" || typeof frame.user !== "string") throw new TypeError("no welcome");
        this.#opened = true;
        this.#heartbeatMs = (frame.heartbeat_seconds ?? HEARTBEAT_SECONDS) * 1_000;
        this.#session.connected(frame, this);
      }
    } catch {
      // Not a server that this client knows; perhaps the next one is.
      this.drop("The server sent what is not Parley's protocol.");
      return;
    }
    this.#listen();
    this.flush();
  }

  #listen() {
    if (this.#isOver) return;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#ping(this.#limits.pongMs), this.#heartbeatMs + this.#limits.silenceGraceMs);
  }

  /** @param {number} ms */
  #ping(ms) {
    clearTimeout(this.#silence);
    this.#socket.send('{"type":"ping"}');
    this.#silence = setTimeout(() => this.drop("no answer"), ms);
  }

  /** @param {number} code @param {string} reason */
  #end(code, reason) {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#silence);
    clearTimeout(this.#writing);
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
    const healthy = this.#opened && this.#session.isHealthy(Date.now());
    if (this.#opened) this.#session.disconnected();
    this.#resolve({ code, reason, opened: this.#opened, healthy });
    try {
      this.#socket.close();
    } catch {
      // It was never open.
    }
  }
}
