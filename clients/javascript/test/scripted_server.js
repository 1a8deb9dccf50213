/**
 * A peer that sends what a test says: for what a real server does rarely, or never. Its `WebSocket`
 * and `fetch` are given to a client, so that a test needs no network and no sleep.
 */

import { Client, MemoryOutbox } from "../src/index.js";

const AT = "2026-11-21T08:00:00.123Z";

/** Pauses that a test can wait for. */
export const QUICK = {
  backoffMinMs: 2, backoffMaxMs: 8, unreachableRetryMs: 4, retryMs: 2, silenceGraceMs: 0, pongMs: 20,
  wakePongMs: 20, closeMs: 50, probeMs: 500,
};

/** One connection, from the server's side. */
class Peer {
  #heard = [];
  #waiting = null;

  constructor(socket, protocols) {
    this.socket = socket;
    this.token = protocols[1].replace(/^bearer\./, "");
    this.isClosed = false;
  }

  /** Send frames. */
  says(...frames) {
    for (const frame of frames) this.socket.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }

  welcomes(more = {}) {
    this.says({ type: "welcome", user: "ana", epoch: "e1", heartbeat_seconds: 25, expires_in: 899, limits: {}, rooms: [], ...more });
    return this;
  }

  /** The next frame of this type; others are skipped. */
  async hears(type) {
    for (;;) {
      while (this.#heard.length === 0) await new Promise((resolve) => { this.#waiting = resolve; });
      const frame = this.#heard.shift();
      if (frame.type === type) return frame;
    }
  }

  /** The types of the frames that wait to be heard. */
  get pending() {
    return this.#heard.map(({ type }) => type);
  }

  /** Wait for a `join`, and answer it without a replay. */
  async admits({ head = 0, epoch = "e1" } = {}) {
    const asked = await this.hears("join");
    this.says(joined(asked, { head, epoch }), caughtUp(asked, head));
    return asked;
  }

  closes(code, reason = "") {
    this.isClosed = true;
    this.socket.onclose?.({ code, reason });
  }

  onSend(text) {
    this.#heard.push(JSON.parse(text));
    this.#waiting?.();
  }
}

export class ScriptedServer {
  connections = [];
  /** Path → (form or JSON) → answer: an object, or a function that gives `{status, body}`. */
  routes = { health: () => ({ status: 200, body: { status: "ok" } }) };
  requests = [];
  /** Whether it can't be reached. */
  isDown = false;
  #next = [];
  #waiting = [];

  constructor() {
    const server = this;
    this.WebSocket = class {
      constructor(url, protocols) {
        this.url = String(url);
        this.peer = new Peer(this, protocols);
        queueMicrotask(() => {
          if (server.isDown) this.onclose?.({ code: 1006, reason: "" });
          else server.#accept(this.peer);
        });
      }

      send(text) {
        this.peer.onSend(text);
      }

      close() {
        this.peer.isClosed = true;
      }
    };
  }

  /** The next connection. */
  connection() {
    const peer = this.#next.shift();
    return peer ? Promise.resolve(peer) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  fetch = async (url, { method = "GET", body, headers = {}, signal } = {}) => {
    const path = new URL(url).pathname.slice(1);
    if (this.isDown) throw new TypeError("fetch failed");
    if (path !== "health") this.requests.push({ method, path, headers, body: body instanceof URLSearchParams ? Object.fromEntries(body) : body });
    const { status = 200, body: answer, text = JSON.stringify(answer), waits } = await this.routes[path](body);
    if (waits) await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    return { ok: status < 300, status, text: async () => text };
  };

  /** A client of this server, with a token that it doesn't read. */
  client({ limits, ...options } = {}) {
    const tokens = options.username || options.tokens ? {} : { getToken: () => "t" };
    return new Client("http://chat.test", {
      WebSocket: this.WebSocket, fetch: this.fetch, outbox: new MemoryOutbox(), limits: { ...QUICK, ...limits }, ...tokens, ...options,
    });
  }

  #accept(peer) {
    this.connections.push(peer);
    const waiting = this.#waiting.shift();
    if (waiting) waiting(peer);
    else this.#next.push(peer);
  }
}

export function joined(asked, { head = 0, epoch = "e1" } = {}) {
  return { type: "joined", re: asked.id, room: asked.room, head, first: 1, epoch };
}

export function caughtUp(asked, seq) {
  return { type: "caught_up", re: asked.id, room: asked.room, seq };
}

export function message(seq, text = `m${seq}`, room = "general") {
  return { type: "message.created", room, seq, at: AT, by: "bo", text };
}

export function ack(asked, seq = 1, more = {}) {
  return { type: "ack", re: asked.id, seq, at: AT, ...more };
}

export function error(asked, code, more = {}) {
  return { type: "error", re: asked.id, code, detail: `${code}.`, ...more };
}

/** Let everything that is due happen, without waiting for time. */
export function settle() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A client that is connected, and the server's side of it. */
export async function connected(server, options) {
  const chat = server.client(options);
  const opening = chat.open();
  const peer = (await server.connection()).welcomes();
  await opening;
  return { chat, peer };
}

/** The numbers of the next events; marks are left out. */
export async function seqs(room, count) {
  const found = [];
  while (found.length < count) {
    const { value } = await room.next();
    if ("at" in value) found.push(value.seq);
  }
  return found;
}
