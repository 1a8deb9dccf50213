/** The messages of the room in `<parley-chat>`: applies events, and draws. */

import { avatar } from "../avatar.js";
import { make, reconcile, textButton } from "../dom.js";
import { dayKey, dayLabel, formatTime } from "../format.js";
import { textElement } from "../list/text.js";
import { changesFrom, toMessage } from "../message.js";
import { Timeline } from "../timeline.js";

// Messages that are held, and drawn: further ones are loaded again.
const KEPT = 300;

// A page with fewer is the first of the room.
const PAGE = 50;

// Closer to the end than this counts as reading the end.
const AT_END_PX = 40;

export class RoomLog {
  element = make("div", "log");

  #messages = new Timeline();
  #unsent = [];
  #me = null;
  #list = make("ol");
  #older;
  #empty = make("p", "empty", "No messages yet.");
  #rendered = new Map();
  #isDrawing = false;
  #isCaughtUp = false;
  #on;

  /** @param on `{loadOlder(before), resend(id, again), nameOf(username)}` */
  constructor(on) {
    this.#on = on;
    this.#older = textButton("Earlier messages", () => on.loadOlder(this.#messages.oldest), "older");
    this.element.part = "log";
    this.element.tabIndex = 0;
    this.element.setAttribute("role", "log");
    this.element.setAttribute("aria-label", "Messages");
    this.element.append(this.#older, this.#empty, this.#list);
    this.#draw();
  }

  setUser(me) {
    this.#me = me;
  }

  /** Whether the newest messages have come. */
  get isCaughtUp() {
    return this.#isCaughtUp;
  }

  /** Who wrote the messages that are held. */
  get authors() {
    return new Set(this.#messages.messages().map(({ by }) => by));
  }

  /** Names have changed. */
  redraw() {
    this.#drawSoon();
  }

  setUnsent(entries) {
    this.#unsent = entries;
    this.#drawSoon();
  }

  clear() {
    this.#messages.clear();
    this.#unsent = [];
    this.#isCaughtUp = false;
    this.#drawSoon();
  }

  /** Apply an event of the room, or a mark of its subscription. */
  apply(event) {
    switch (event.type) {
      case "reset":
        this.#messages.clear();
        break;
      case "caught_up":
        if (!this.#isCaughtUp) this.#messages.hasOlder = this.#messages.size >= PAGE;
        this.#isCaughtUp = true;
        break;
      case "message.created":
        this.#messages.put(toMessage(event));
        if (this.#isAtEnd) this.#messages.dropOldest(KEPT);
        break;
      case "user.erased":
        for (const item of this.#messages.items()) if (item.by === event.user) this.#messages.put({ ...item, by: event.as });
        break;
      default: {
        const message = this.#messages.get(event.ref);
        if (message) this.#messages.put({ ...message, ...changesFrom(event, message) });
      }
    }
    this.#drawSoon();
  }

  /** A page of messages before those that are held. */
  addOlder(page) {
    for (const message of page.messages) if (!this.#messages.has(message.seq)) this.#messages.put(toMessage(message));
    this.#messages.hasOlder = page.has_older;
    // What is on display stays where it is.
    const { element } = this;
    const fromEnd = element.scrollHeight - element.scrollTop;
    this.#draw();
    element.scrollTop = element.scrollHeight - fromEnd;
  }

  toEnd() {
    this.#draw();
    this.element.scrollTop = this.element.scrollHeight;
  }

  // Internal

  get #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < AT_END_PX;
  }

  // Frames arrive in bursts: draw once after each.
  #drawSoon() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    setTimeout(() => {
      this.#isDrawing = false;
      const follows = this.#isAtEnd;
      this.#draw();
      if (follows) this.element.scrollTop = this.element.scrollHeight;
    });
  }

  #draw() {
    const messages = this.#messages.messages();
    const ids = new Set(messages.map(({ id }) => id));
    const unsent = this.#unsent.filter(({ id }) => !ids.has(id));
    this.#older.hidden = !this.#messages.hasOlder;
    this.#empty.hidden = !this.#isCaughtUp || messages.length + unsent.length > 0;
    const rows = messages.map((item, index) => {
      const before = messages[index - 1];
      const newDay = before === undefined || dayKey(before.at) !== dayKey(item.at);
      const joined = !newDay && before.by === item.by;
      return { key: item.seq, version: [item, newDay, joined, this.#nameOf(item.by)], build: () => this.#row(item, { newDay, joined }) };
    });
    rows.push(...unsent.map((entry) => ({ key: entry.id, version: [entry.state], build: () => this.#unsentRow(entry) })));
    reconcile(this.#list, rows, this.#rendered);
  }

  #nameOf(username) {
    return username === null ? "" : this.#on.nameOf(username);
  }

  #row(item, { newDay, joined }) {
    const row = make("li", `message${joined ? " joined" : ""}`);
    row.part = "message";
    const time = make("time", "", formatTime(item.at));
    time.dateTime = item.at;
    const name = this.#nameOf(item.by);
    const body = item.text === null ? make("p", "hint", "Message deleted") : textElement(item.text, item.mentions, this.#me);
    const edited = item.editedAt && item.text !== null ? make("span", "hint", "(edited)") : null;
    const reactions = Object.entries(item.reactions).map(([emoji, users]) => make("span", "reaction", `${emoji} ${users.length}`));
    row.append(
      ...(newDay ? [make("p", "day", dayLabel(item.at, Date.now()))] : []),
      avatar(item.by, name),
      make("div", "body", make("p", "by", make("b", "", name), time), body, edited, reactions.length ? make("p", "reactions", ...reactions) : null),
    );
    return row;
  }

  #unsentRow({ id, text, state, error }) {
    const failed = state === "failed";
    const line = make("p", failed ? "error" : "hint", failed ? error.detail : "Sending…");
    if (failed) {
      line.append(" ", textButton("Try again", () => this.#on.resend(id, true)), " ", textButton("Discard", () => this.#on.resend(id, false)));
    }
    return make("li", "message unsent", avatar(this.#me, this.#nameOf(this.#me)), make("div", "body", make("p", "by", make("b", "", this.#nameOf(this.#me))), textElement(text, [], this.#me), line));
  }
}
