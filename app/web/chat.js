/**
 * The state of a logged-in user: connection, rooms, unsent messages. Connects
 * socket, rooms and outbox; knows nothing of the page and reports changes
 * through `onChange`.
 */

import { SOCKET_URL, path } from "./http.js";
import { Joins } from "./joins.js";
import { People } from "./people.js";
import { Requests } from "./requests.js";
import { Applied, Phase, Room } from "./room.js";
import { Sender } from "./sender.js";
import { Signals } from "./signals.js";
import { Socket } from "./socket.js";
import { removalReason } from "./format.js";

// Items that a room which is not on display keeps in memory.
const KEPT_ITEMS = 300;
const EVENT = /^(message|reaction|room|member)\./;

export class Chat {
  /** The connection: `{state, code?, reason?}`. */
  connection = { state: "stopped" };
  /** The room on display, or null. */
  current = null;
  /** name → Room: the user's own rooms and the public ones. */
  rooms = new Map();
  people;

  #api;
  #session;
  #socket;
  #sender;
  #signals;
  #onChange;
  #onNotice;
  #onMessage;
  #joins;
  #requests;

  /**
   * @param onChange called after any visible change.
   * @param onNotice called with a sentence for the user.
   * @param onMessage called with a room and a new message of somebody else:
   *   `{by, text, mentions, seq}`, with `by` and `text` null if the room isn't joined.
   */
  constructor({ api, session, onChange, onNotice, onMessage }) {
    this.me = session.user;
    this.people = new People({ api, onChange });
    this.#api = api;
    this.#session = session;
    this.#onChange = onChange;
    this.#onNotice = onNotice;
    this.#onMessage = onMessage;
    this.#socket = new Socket(SOCKET_URL, {
      token: (options) => session.token(options),
      isServerUp: () => api.isServerUp(),
      onFrame: (frame) => this.#onFrame(frame),
      onState: (state) => this.#onConnectionChange(state),
    });
    const send = (frame) => this.#socket.send(frame);
    this.#requests = new Requests(send);
    this.#joins = new Joins({
      api, requests: this.#requests, send, onChange,
      isOnline: () => this.#socket.state === "online",
    });
    this.#sender = new Sender(send);
    this.#signals = new Signals({
      send,
      request: (...args) => this.#requests.ask(...args),
      onReadInterval: onChange,
    });
  }

  // Lifecycle

  start() {
    this.#socket.start();
    return this.refresh();
  }

  stop() {
    this.#joins.stop();
    this.#sender.stop();
    this.#socket.stop();
  }

  /** Reconnect now instead of after the back-off: the network or the user is back. */
  wake() {
    this.#socket.retryNow();
  }

  /** The browser has lost its network: show that, and don't trust the connection. */
  onOffline() {
    this.#socket.onOffline();
  }

  /** Reconnect at the user's request, even after the server refused the connection. */
  reconnect() {
    this.wake();
    this.#socket.start();
  }

  // Actions

  /** Fetch the list of rooms; new public rooms are not announced by frames. */
  async refresh() {
    for (const summary of await this.#api.rooms()) this.#room(summary.name).update(summary);
    this.#onChange();
  }

  /** Show a room, without joining it if the user isn't a member. */
  open(name) {
    this.#signals.typing(this.current, false);
    this.current?.history.showLive();
    this.current = name === null ? null : this.#room(name);
    if (this.current === null) this.#joins.close();
    else this.#joins.open(this.current);
    this.#onChange();
  }

  /** Become a member of the public room on display. */
  join() {
    this.#joins.join(this.current);
    this.#onChange();
  }

  /** Add or update a room from an HTTP response. */
  addRoom(summary) {
    this.#room(summary.name).update(summary);
    this.#onChange();
  }

  async leave() {
    await this.#api.delete(path`rooms/${this.current.name}/members/${this.me}`);
    this.#removeRoom(this.current.name, "left");
  }

  /** Send a text. It is shown at once, and kept until it is acknowledged. */
  send(text, replyTo = null) {
    this.#signals.onSend();
    this.#sender.send(this.current.name, text, replyTo);
    this.#onChange();
  }

  /** Retry a refused text, or discard it. */
  resend(id, { again }) {
    if (again) this.#sender.retry(id);
    else this.#sender.discard(id);
    this.#onChange();
  }

  typing(on) {
    this.#signals.typing(this.current, on);
  }

  /** The newest message of the current room is in view: mark it as read. */
  markRead() {
    this.#signals.markRead(this.current);
  }

  /** Messages of a room that are not acknowledged yet, oldest first. */
  unsent(room) {
    return this.#sender.unsent(room);
  }

  // Frames from the server

  #onFrame(frame) {
    if (EVENT.test(frame.type)) this.#onEvent(frame);
    else if (frame.type === "ack" || frame.type === "error") this.#onReply(frame);
    else this.#onServerFrame(frame);
    this.#onChange();
  }

  #onReply(frame) {
    if (this.#sender.onReply(frame, this.rooms)) return;
    this.#requests.onReply(frame);
  }

  #onServerFrame(frame) {
    switch (frame.type) {
      case "welcome":
        this.#welcome(frame);
        break;
      case "joined":
        this.#joined(frame);
        break;
      case "caught_up":
        this.#onEvent(frame);
        break;
      case "reset":
        this.#requests.take(frame.re);
        this.#room(frame.room).reset();
        this.#joins.rejoin(this.#room(frame.room));
        break;
      case "typing": case "presence": case "read":
        this.rooms.get(frame.room)?.applySignal(frame, Date.now());
        break;
      case "activity":
        this.#onActivity(frame);
        break;
      case "added":
        this.#describe(frame.room);
        break;
      case "removed":
        this.#removeRoom(frame.room, frame.reason);
        break;
      case "auth_expiring":
        this.#renew();
    }
  }

  #welcome({ rooms, user, display_name: name }) {
    this.people.learnNames({ [user]: name });
    for (const summary of rooms) this.#room(summary.name).update(summary);
    this.#joins.onConnect();
    // A room that could not be looked up while offline.
    if (this.current?.phase === Phase.OUT && this.current.refused === null) this.#joins.open(this.current);
    this.#sender.onConnect();
  }

  #joined(frame) {
    this.people.learnNames(frame.display_names ?? {});
    const room = this.#room(frame.room);
    this.#requests.take(frame.re);
    room.onJoined(frame);
    if (room.kind === null) this.#describe(room.name);
  }

  #onEvent(frame) {
    const room = this.rooms.get(frame.room);
    if (room === undefined) return;
    const applied = room.apply(frame);
    if (applied === Applied.GAP) this.#joins.rejoin(room);
    const isNew = applied === Applied.YES && room.phase === Phase.LIVE;
    if (isNew && frame.type === "message.created" && frame.by !== this.me) this.#onMessage(room, arrivalOf(frame, this.me));
    this.#sender.onEvents(room);
    if (room !== this.current) room.history.trim(KEPT_ITEMS);
  }

  // Internal

  async #onActivity({ room: name, head, mention, mentions_room: ofRoom }) {
    await this.#describe(name);
    const room = this.rooms.get(name);
    // Others than messages are events, too.
    if (room?.unread > 0) this.#onMessage(room, { by: null, text: null, seq: head, mentions: mention === true || ofRoom !== undefined });
  }

  #room(name) {
    if (!this.rooms.has(name)) this.rooms.set(name, new Room(name, this.me));
    return this.rooms.get(name);
  }

  #removeRoom(name, reason) {
    const room = this.rooms.get(name);
    if (room === undefined) return;
    this.#joins.forget(room);
    room.onRemoved();
    room.refused = reason === "archived" ? null : removalReason(reason);
    if (room.kind === "public" || reason === "archived") this.#describe(name);
    else this.rooms.delete(name);
    if (reason !== "left" && room !== this.current) this.#onNotice(`#${name}: ${removalReason(reason)}`);
    this.#onChange();
  }

  async #describe(name) {
    try {
      this.addRoom(await this.#api.room(name));
    } catch {
      // The next list of rooms has the truth.
    }
  }

  async #renew() {
    try {
      const token = await this.#session.token({ fresh: true });
      this.#socket.send({ type: "auth", token });
    } catch {
      // The server will close with 4301, and reconnecting gets a fresh token.
    }
  }

  #onConnectionChange(connection) {
    if (this.connection.state === "online") {
      this.#requests.clear();
      this.#sender.onDisconnect();
      for (const room of this.rooms.values()) room.onDisconnect();
    }
    this.connection = connection;
    this.#onChange();
  }
}

function arrivalOf({ by, text, mentions = [], mentions_room: ofRoom, seq }, me) {
  return { by, text, seq, mentions: mentions.includes(me) || ofRoom !== undefined };
}
