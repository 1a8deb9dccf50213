/**
 * The state of a logged-in user: connection, rooms, unsent messages. Connects the
 * client (`@parley/client`) and the rooms of the page; knows nothing of the page
 * and reports changes through `onChange`.
 */

import { Client } from "./client/client.js";
import { BASE, forUser, path } from "./http.js";
import { People } from "./people.js";
import { Applied, Phase, Room } from "./room.js";
import { Signals } from "./signals.js";
import { Subscriptions } from "./subscriptions.js";
import { Unsent } from "./unsent.js";
import { removalReason } from "./format.js";

// Items that a room which is not on display keeps in memory.
const KEPT_ITEMS = 300;

// The rooms of the page know where they have got to.
const NO_CURSORS = { load: () => null, save: () => {} };

// The page is open until its user leaves, and so it connects for as long as that takes.
const LIMITS = { openMs: Infinity };

// A person waits for the answer.
const REQUEST_MS = 10_000;

export class Chat {
  /** The connection: `{state, code?, reason?}`. */
  connection = { state: "connecting" };
  /** The client of the user; another one after the server has ended a connection for good. */
  client;
  /** The room on display, or null. */
  current = null;
  /** name → Room: the user's own rooms and the public ones. */
  rooms = new Map();
  people;

  #api;
  #session;
  #signals;
  #subscriptions;
  #unsent;
  #onChange;
  #onNotice;
  #onMessage;

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
    const client = () => this.client;
    this.#unsent = new Unsent({ outbox: () => this.client.outbox, rooms: this.rooms });
    this.#signals = new Signals({ client, onReadInterval: onChange });
    this.#subscriptions = new Subscriptions({
      api, client, onChange, onEvent: (room, event) => this.#onRoomEvent(room, event),
    });
    this.client = this.#newClient();
  }

  // Lifecycle

  start() {
    // A failure shows in `connection`.
    this.client.open().catch(() => {});
    return this.refresh();
  }

  /** The login has ended, and with it what was not sent. */
  stop() {
    this.#subscriptions.stop();
    for (const { id } of this.client.outbox) this.client.discard(id);
    this.client.close();
  }

  /** Reconnect at the user's request, even after the server refused the connection. */
  reconnect() {
    if (this.connection.state !== "stopped") {
      this.client.wake();
      return;
    }
    this.client = this.#newClient();
    this.#subscriptions.restart();
    this.client.open().catch(() => {});
  }

  // Actions

  /** Fetch the list of rooms; new public rooms are not announced by frames. */
  async refresh() {
    for (const summary of await this.#api.rooms()) this.#room(summary.name).update(summary);
    this.#onChange();
    if (this.current !== null) this.people.refresh(this.current);
    await this.people.load([...this.rooms.values()].flatMap(({ with: other }) => other ?? []));
  }

  /** Show a room, without joining it if the user isn't a member. */
  open(name) {
    this.#signals.typing(this.current, false);
    this.current?.history.showLive();
    const room = name === null ? null : this.#room(name);
    if (room !== null && room !== this.current) room.keepsUnread = false;
    this.current = room;
    if (this.current === null) this.#subscriptions.close();
    else this.#subscriptions.open(this.current);
    this.#onChange();
  }

  /** Become a member of the public room on display. */
  join() {
    this.#subscriptions.join(this.current);
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

  /**
   * Send a text. It is shown at once, and kept until it is acknowledged.
   *
   * @throws {Error} whose message is a sentence for the user, if it can't be kept
   */
  send(text, replyTo = null) {
    this.client.queue(this.current.name, text, { replyTo });
    this.current.keepsUnread = false;
    this.#signals.onSend();
  }

  /** Retry a refused text, or discard it. */
  resend(id, { again }) {
    if (again) this.client.retry(id);
    else this.client.discard(id);
  }

  typing(on) {
    this.#signals.typing(this.current, on);
  }

  /** Mark a message of the current room and all after it as unread, on all of the user's devices. */
  async markUnread(seq) {
    const room = this.current;
    room.onReadPlaced(await forUser(this.client.read(room.name, seq - 1, { force: true, ms: REQUEST_MS })));
    room.keepsUnread = true;
    this.#onChange();
  }

  /** The newest message of the current room is in view: mark it as read. */
  markRead() {
    this.#signals.markRead(this.current);
  }

  /** Messages of a room that are not acknowledged yet, oldest first. */
  unsent(room) {
    return this.#unsent.of(room);
  }

  // From the server

  #newClient() {
    const client = new Client(BASE, { user: this.me, tokens: this.#session, cursors: NO_CURSORS, limits: LIMITS });
    const handlers = {
      connection: (connection) => this.#onConnectionChange(connection),
      welcome: (welcome) => this.#welcome(welcome),
      outbox: () => {},
      stored: (entry) => this.#unsent.onStored(entry),
      typing: (frame) => this.#onSignal(frame),
      presence: (frame) => this.#onSignal(frame),
      read: (frame) => this.#onSignal(frame),
      activity: (frame) => this.#onActivity(frame),
      added: ({ room }) => this.#describe(room),
      removed: ({ room, reason }) => this.#removeRoom(room, reason),
    };
    for (const [type, handle] of Object.entries(handlers)) {
      client.on(type, (detail) => {
        handle(detail);
        this.#onChange();
      });
    }
    return client;
  }

  #welcome({ rooms, user, display_name: name }) {
    this.people.learnNames({ [user]: name });
    for (const summary of rooms) this.#room(summary.name).update(summary);
    // A room that could not be looked up while offline.
    if (this.current?.phase === Phase.OUT && this.current.refused === null) this.#subscriptions.open(this.current);
  }

  #onSignal(frame) {
    if (frame.display_name) this.people.learnNames({ [frame.by]: frame.display_name });
    this.rooms.get(frame.room)?.applySignal(frame, Date.now());
  }

  #onRoomEvent(room, event) {
    if (event.type === "joined") this.#joined(room, event);
    else if (event.type === "reset") room.reset();
    else if (event.type === "caught_up") room.onCaughtUp(event);
    else this.#onEvent(room, event);
    if (room !== this.current) room.history.trim(KEPT_ITEMS);
    this.#onChange();
  }

  #joined(room, frame) {
    this.people.learnNames(frame.display_names ?? {});
    room.onJoined(frame);
    if (room.kind === null) this.#describe(room.name);
  }

  #onEvent(room, event) {
    const isNew = room.apply(event) === Applied.YES && room.phase === Phase.LIVE;
    if (isNew && event.type === "message.created" && event.by !== this.me) this.#onMessage(room, arrivalOf(event, this.me));
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
    this.#subscriptions.forget(room);
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

  #onConnectionChange(connection) {
    if (this.connection.state === "online") {
      for (const room of this.rooms.values()) room.onDisconnect();
    }
    this.connection = connection;
  }
}

function arrivalOf({ by, text, mentions = [], mentions_room: ofRoom, seq }, me) {
  return { by, text, seq, mentions: mentions.includes(me) || ofRoom !== undefined };
}
