/** The client. */

import { Closed, Refused } from "./errors.js";
import { MemoryCursors } from "./cursors.js";
import { Http, baseUrl } from "./http.js";
import { LIMITS } from "./limits.js";
import { Listeners } from "./listeners.js";
import { defaultOutbox } from "./outbox_store.js";
import { Reconnector } from "./reconnector.js";
import { ackOf, randomId, sendFrame } from "./requests.js";
import { Session } from "./session.js";
import { TokenSource } from "./tokens.js";
import { watchDevice } from "./device.js";

/** @import { Ack, ClientOptions, Connection, Frame, HttpOptions, RequestOptions, RoomOptions, SendOptions, Signals } from "./types.js" */
/** @import { Room } from "./room.js" */

/**
 * A user's connection to a server, which comes back by itself.
 *
 *     const chat = new Client("https://chat.example.org", { getToken });
 *     for await (const event of chat.room("general")) …
 *
 * It connects with the first thing that needs it, or `open()`. From then on, a lost connection, a
 * restarted server and an expired token are no errors: rooms resume where they were, and unanswered
 * requests are made again, once. What ends the client is thrown by every call and iteration.
 */
export class Client {
  /** @type {Connection} */
  connection = { state: "closed" };

  #http;
  #tokens;
  #session;
  #reconnector;
  #limits;
  #known;
  #listeners = new Listeners();
  /** @type {Promise<void> | null} */
  #opening = null;
  /** @type {Promise<void> | null} */
  #running = null;
  /** @type {Promise<void> | null} */
  #closing = null;
  #unwatch = () => {};

  /**
   * @param {string | URL} url of the server, with the path where it is mounted
   * @param {ClientOptions} options
   * @throws {TypeError} if the arguments make no sense
   */
  constructor(url, options) {
    const WebSocket = options.WebSocket ?? globalThis.WebSocket;
    if (WebSocket === undefined) {
      throw new TypeError("There is no WebSocket here: start Node with --experimental-websocket, or pass one.");
    }
    this.#known = options.user ?? "";
    this.#limits = { ...LIMITS, ...options.limits };
    this.#http = new Http(baseUrl(url), this.#limits, options.fetch);
    this.#tokens = new TokenSource(this.#http, options);
    this.#session = new Session({
      base: this.#http.base,
      cursors: options.cursors ?? new MemoryCursors(),
      outbox: options.outbox ?? defaultOutbox(),
      limits: this.#limits,
      listeners: this.#listeners,
      onTokenExpires: () => this.#reconnector.renewToken(),
    });
    this.#listeners.add("welcome", () => this.#onState({ state: "online" }));
    this.#reconnector = new Reconnector({
      http: this.#http, session: this.#session, tokens: this.#tokens, WebSocket, onState: (state) => this.#onState(state),
    });
    options.signal?.addEventListener("abort", () => this.close(), { once: true });
    if (options.signal?.aborted) this.close();
  }

  // Lifecycle

  /**
   * Log in, connect, and wait for the server's `welcome`. Idempotent.
   *
   * @returns {Promise<this>}
   * @throws {Refused} if the password is wrong, or the server doesn't want this client
   * @throws {import("./errors.js").Unreachable} if there is no server, for `openMs`
   */
  async open() {
    await this.#open();
    return this;
  }

  /** Disconnect. What still waits gets `Closed`, and iterations end. Takes `closeMs` at most. Idempotent. */
  close() {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Connect now, instead of after the pause; or find out whether the connection still works. */
  wake() {
    this.#reconnector.wake();
  }

  // What is known

  /** The name of the user; null before the first connection. */
  get user() {
    return this.#session.welcome?.user ?? null;
  }

  /** The last `welcome`, with `rooms`, `epoch` and `limits`; null before the first connection. */
  get welcome() {
    return this.#session.welcome;
  }

  /** What was written here and is not acknowledged yet, oldest first. */
  get outbox() {
    return this.#session.outbox.entries;
  }

  /**
   * Listen to the connection, the outbox, or a signal of the server. A function that is added twice is called once.
   *
   * @template {keyof Signals} T
   * @param {T} type @param {(signal: Signals[T]) => void} listener
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {() => void} stops listening
   */
  on(type, listener, options) {
    return this.#listeners.add(type, listener, options);
  }

  /**
   * Subscribe to a room; joining a public one makes the user a member. Returns at once, and the events
   * come as they arrive. The open subscription of the room is returned if there is one, unless `since`.
   *
   * @param {string} name @param {RoomOptions} [options] @returns {Room}
   */
  room(name, options = {}) {
    this.#start();
    return this.#session.room(name, options);
  }

  // Requests

  /**
   * Send a message; resolves when it is on disk. Stored once, however often the connection is lost
   * meanwhile, and in the order of the calls.
   *
   * @param {string} room of which the user is a member
   * @param {string} text 1 to 4,000 characters
   * @param {SendOptions} [options]
   * @returns {Promise<Ack>}
   * @throws {import("./errors.js").NotAcknowledged} without an answer in time; it may have been stored
   * @throws {Refused} if the server refuses it; what is temporary is retried first
   */
  async send(room, text, { id = randomId(), replyTo, data, ...options } = {}) {
    return ackOf(await this.#ask(sendFrame(id, room.toLowerCase(), text, { replyTo, data }), options));
  }

  /**
   * Put a message into the outbox, where it stays until it is acknowledged or discarded: over a lost
   * connection and, with IndexedDB, over a reload. See `outbox` and `on("stored")`.
   *
   * @param {string} room @param {string} text @param {Pick<SendOptions, "id" | "replyTo" | "data">} [options]
   * @returns {string} its id
   */
  queue(room, text, { id = randomId(), replyTo, data } = {}) {
    this.#start();
    this.#session.outbox.queue(sendFrame(id, room.toLowerCase(), text, { replyTo, data }));
    return id;
  }

  /** Try a message of the outbox again that the server has refused. @param {string} id */
  retry(id) {
    this.#session.outbox.retry(id);
  }

  /** Remove a message from the outbox. It may have been stored. @param {string} id */
  discard(id) {
    this.#session.outbox.discard(id);
  }

  /** Replace the text of the user's own message. @param {string} room @param {number} ref @param {string} text @param {RequestOptions} [options] */
  edit(room, ref, text, options) {
    return this.#change("edit", room, { ref, text }, options);
  }

  /** Delete a message, as its author or a moderator. @param {string} room @param {number} ref @param {RequestOptions} [options] */
  delete(room, ref, options) {
    return this.#change("delete", room, { ref }, options);
  }

  /** Add a reaction, or remove it. @param {string} room @param {number} ref @param {string} emoji @param {RequestOptions & { on?: boolean }} [options] */
  react(room, ref, emoji, { on = true, ...options } = {}) {
    return this.#change("react", room, { ref, emoji, on }, options);
  }

  /** Pin a message, or unpin it. @param {string} room @param {number} ref @param {RequestOptions & { on?: boolean }} [options] */
  pin(room, ref, { on = true, ...options } = {}) {
    return this.#change("pin", room, { ref, on }, options);
  }

  /**
   * Mark everything up to `seq` as read; with `force` also everything after it as unread.
   *
   * @param {string} room @param {number} seq @param {RequestOptions & { force?: boolean }} [options]
   * @returns {Promise<{ read: number, unread: number, mentions: number, as_of: number }>}
   */
  async read(room, seq, { force = false, ...options } = {}) {
    const request = { type: "read", id: randomId(), room: room.toLowerCase(), seq, ...(force && { force }) };
    return /** @type {any} */ (await this.#ask(request, options));
  }

  /** Tell the room that the user types, or has stopped. Lost if the room is not live. @param {string} room @param {boolean} [on] */
  typing(room, on = true) {
    if (this.#session.isLive(room)) this.#session.write({ type: "typing", room: room.toLowerCase(), on });
  }

  /**
   * Call an endpoint of docs/protocol.md, 1.1, as this user; resolves with its JSON. Sent once, and
   * once more with a new token if the old one has expired.
   *
   * @param {string} method @param {string} path like `rooms/general/members`, each part encoded
   * @param {HttpOptions} [options]
   * @returns {Promise<any>}
   */
  async http(method, path, options) {
    if (this.#closing !== null) throw new Closed();
    const token = await this.#tokens.access();
    try {
      return await this.#http.request(method, path, { ...options, token });
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 401) throw error;
      return this.#http.request(method, path, { ...options, token: await this.#tokens.renew(token) });
    }
  }

  // Internal

  #start() {
    // The failure of opening is thrown by what needed it.
    this.#open().catch(() => {});
  }

  /** @returns {Promise<void>} */
  #open() {
    if (this.#closing !== null) return Promise.reject(new Closed());
    this.#opening ??= new Promise((resolve, reject) => {
      this.#listeners.add("welcome", () => resolve());
      if (this.#known) this.#session.adopt(this.#known);
      this.#unwatch = watchDevice(() => this.#reconnector.wake(), () => this.#reconnector.offline());
      this.#running = this.#reconnector.run().then(
        () => reject(new Closed()),
        (failure) => { this.#stopped(failure); reject(failure); },
      );
    });
    return this.#opening;
  }

  /** @param {Error} failure */
  #stopped(failure) {
    this.#unwatch();
    this.#session.end(failure);
    const code = failure instanceof Refused && failure.closeCode ? failure.closeCode : undefined;
    this.#onState({ state: "stopped", ...(code && { code }), reason: failure.message });
  }

  async #close() {
    this.#unwatch();
    this.#reconnector.stop();
    this.#session.end(null);
    if (this.connection.state !== "stopped") this.#onState({ state: "closed" });
    if (this.#opening === null) return;
    const ended = Promise.all([this.#running, this.#tokens.end()]);
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    await Promise.race([ended, new Promise((resolve) => { timer = setTimeout(resolve, this.#limits.closeMs); })]);
    clearTimeout(timer);
  }

  /** @param {string} type @param {string} room @param {object} body @param {RequestOptions} [options] */
  async #change(type, room, body, options = {}) {
    return ackOf(await this.#ask({ type, id: randomId(), room: room.toLowerCase(), ...body }, options));
  }

  /** @param {Frame} frame @param {RequestOptions} options */
  #ask(frame, options) {
    this.#start();
    return this.#session.outbox.request(frame, options);
  }

  /** @param {Connection} connection */
  #onState(connection) {
    this.connection = connection;
    this.#listeners.emit("connection", connection);
  }
}
