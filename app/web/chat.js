/**
 * The conversation with the server: which rooms we listen to, what was said,
 * what is still to be sent. It brings socket, rooms and outbox together and
 * knows nothing of the page; whoever draws it is told by `onChange`.
 */

import { SOCKET_URL } from "./api.js";
import { randomId } from "./ids.js";
import { Applied, Phase, Room } from "./room.js";
import { Sender } from "./sender.js";
import { Signals } from "./signals.js";
import { Socket } from "./socket.js";
import { lost } from "./words.js";

// Rooms are listened to from their first opening on, the newest so many: well
// under the server's 64 per connection.
const JOINED_ROOMS = 16;

// A join that failed for a passing reason is tried again after this.
const JOIN_AGAIN_MS = 3_000;
const PASSING = new Set(["rate_limited", "unavailable", "internal"]);

const EVENT = /^(message|reaction|room|member)\./;

export class Chat {
  /** The connection: `{state, code?, reason?}`. */
  connection = { state: "stopped" };
  /** The room that is looked at, or null. */
  current = null;
  /** name → Room: one's own and the public ones. */
  rooms = new Map();

  #api;
  #session;
  #socket;
  #sender;
  #signals;
  #onChange;
  #onNotice;
  // Names of the rooms to listen to, the latest opened last.
  #wanted = [];
  // Request id → what to do with its answer.
  #asked = new Map();

  /**
   * @param onChange called after anything that could be seen has changed.
   * @param onNotice called with a sentence for people.
   */
  constructor({ api, session, onChange, onNotice }) {
    this.me = session.user;
    this.#api = api;
    this.#session = session;
    this.#onChange = onChange;
    this.#onNotice = onNotice;
    this.#socket = new Socket(SOCKET_URL, {
      token: (wish) => session.token(wish),
      onFrame: (frame) => this.#heard(frame),
      onState: (state) => this.#became(state),
    });
    this.#sender = new Sender((frame) => this.#socket.send(frame));
    this.#signals = new Signals({
      send: (frame) => this.#socket.send(frame),
      ask: (...question) => this.#ask(...question),
      again: onChange,
    });
  }

  // Lifecycle

  start() {
    this.#socket.start();
    return this.refresh();
  }

  stop() {
    this.#sender.stop();
    this.#socket.stop();
  }

  /** The network or the reader is back: don't wait for the next try. */
  wake() {
    this.#socket.retryNow();
  }

  /** Somebody asks for it, also after the server told us to stop. */
  reconnect() {
    this.#socket.retryNow();
    this.#socket.start();
  }

  // Actions

  /** Ask for the list of rooms again; public ones appear without a signal. */
  async refresh() {
    for (const summary of await this.#api.rooms()) this.#room(summary.name).describe(summary);
    this.#onChange();
  }

  open(name) {
    this.current = name === null ? null : this.#room(name);
    if (name !== null) {
      this.#wanted = [...this.#wanted.filter((one) => one !== name), name];
      if (this.#wanted.length > JOINED_ROOMS) this.#leaveOldest();
      if (this.current.phase === Phase.OUT) this.#join(this.current);
    }
    this.#onChange();
  }

  /** A room that HTTP told of: one that was just made. */
  learn(summary) {
    this.#room(summary.name).describe(summary);
    this.#onChange();
  }

  async leave() {
    await this.#api.leave(this.current.name, this.me);
    this.#lose(this.current.name, "left");
  }

  /** Send a text; it is shown at once, and kept until it is acknowledged. */
  say(text) {
    this.#signals.said();
    this.#sender.say(this.current.name, text);
    this.#onChange();
  }

  /** Send a refused text once more, or drop it. */
  resend(id, { again }) {
    if (again) this.#sender.sayAgain(id);
    else this.#sender.giveUp(id);
    this.#onChange();
  }

  typing(on) {
    this.#signals.typing(this.current, on);
  }

  /** The newest message of the current room is in view. */
  seen() {
    this.#signals.seen(this.current);
  }

  async loadOlder(room) {
    const before = room.oldest;
    if (before === null || !room.hasOlder) return;
    const { epoch } = room;
    const page = await this.#api.olderMessages(room.name, before);
    // Reset while the page was on its way: it belongs to another history.
    if (room.epoch === epoch && room.oldest === before) room.older(page);
  }

  /** What of a room is still on its way, oldest first. */
  unsent(room) {
    return this.#sender.unsent(room);
  }

  // What the server says

  #heard(frame) {
    if (EVENT.test(frame.type)) this.#moved(frame);
    else if (frame.type === "ack" || frame.type === "error") this.#answered(frame);
    else this.#told(frame);
    this.#onChange();
  }

  #answered(frame) {
    if (this.#sender.answered(frame, this.rooms)) return;
    const answered = this.#asked.get(frame.re);
    this.#asked.delete(frame.re);
    answered?.(frame);
  }

  #told(frame) {
    switch (frame.type) {
      case "welcome":
        this.#welcome(frame);
        break;
      case "joined":
        this.#joined(frame);
        break;
      case "caught_up":
        this.#moved(frame);
        break;
      case "reset":
        this.#asked.delete(frame.re);
        this.#room(frame.room).reset();
        this.#join(this.#room(frame.room));
        break;
      case "typing":
      case "presence":
      case "read":
        this.rooms.get(frame.room)?.signal(frame, Date.now());
        break;
      case "added":
      case "activity":
        this.#describe(frame.room);
        break;
      case "removed":
        this.#lose(frame.room, frame.reason);
        break;
      case "auth_expiring":
        this.#renew();
        break;
    }
  }

  #welcome({ rooms }) {
    for (const summary of rooms) this.#room(summary.name).describe(summary);
    for (const name of this.#wanted) this.#join(this.#room(name));
    this.#sender.connected();
  }

  #joined(frame) {
    const room = this.#room(frame.room);
    this.#asked.delete(frame.re);
    room.joined(frame);
    if (room.kind === null) this.#describe(room.name);
  }

  #moved(frame) {
    const room = this.rooms.get(frame.room);
    if (room === undefined) return;
    if (room.apply(frame) === Applied.GAP) this.#join(room);
    this.#sender.arrived(room);
  }

  // Internal

  #room(name) {
    if (!this.rooms.has(name)) this.rooms.set(name, new Room(name, this.me));
    return this.rooms.get(name);
  }

  #join(room) {
    if (this.#socket.state !== "online" || room.phase === Phase.JOINING) return;
    this.#ask({ type: "join", room: room.name, ...room.joining() }, ({ code, detail }) => {
      room.disconnected();
      if (PASSING.has(code)) {
        setTimeout(() => this.#join(room), JOIN_AGAIN_MS);
        return;
      }
      room.refused = detail;
      this.#wanted = this.#wanted.filter((name) => name !== room.name);
    });
  }

  #leaveOldest() {
    const name = this.#wanted.shift();
    const room = this.#room(name);
    if (room.phase !== Phase.OUT) this.#socket.send({ type: "leave", room: name });
    room.disconnected();
  }

  #lose(name, reason) {
    const room = this.rooms.get(name);
    if (room === undefined) return;
    this.#wanted = this.#wanted.filter((one) => one !== name);
    room.removed();
    room.refused = reason === "archived" ? null : lost(reason);
    if (room.kind === "public" || reason === "archived") this.#describe(name);
    else this.rooms.delete(name);
    if (reason !== "left" && room !== this.current) this.#onNotice(`#${name}: ${lost(reason)}`);
    this.#onChange();
  }

  async #describe(name) {
    try {
      this.learn(await this.#api.room(name));
    } catch {
      // Gone or out of reach: the next list of rooms will tell.
    }
  }

  async #renew() {
    try {
      const token = await this.#session.token({ fresh: true });
      this.#socket.send({ type: "auth", token });
    } catch {
      // The socket will be closed with 4301, and the way back asks again.
    }
  }

  #ask(request, answered) {
    const id = randomId();
    if (this.#socket.send({ ...request, id })) this.#asked.set(id, answered);
  }

  #became(connection) {
    if (this.connection.state === "online") {
      this.#asked.clear();
      this.#sender.disconnected();
      for (const room of this.rooms.values()) room.disconnected();
    }
    this.connection = connection;
    this.#onChange();
  }
}
