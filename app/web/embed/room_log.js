/**
 * The messages of the room in `<parley-chat>`: applies events, and draws.
 *
 * What is held is drawn, and is bounded in both directions: the end of the room, or the surroundings of
 * what someone reads further up.
 */

import { announceNothing, make, reconcile, setText, textButton } from "../dom.js";
import { dayKey, dayLabel } from "../format.js";
import { History } from "../history.js";
import { EndFollower } from "../list/end_follower.js";
import { ScrollAnchor } from "../list/scroll_anchor.js";
import { toMessage } from "../message.js";
import { messageRow, unsentRow } from "./message_row.js";

// Messages that are held, and drawn; and of those, what remains of the end when reading goes far back.
const BOUNDS = { items: 300, liveItems: 100 };

// A page with fewer is the first of the room.
const PAGE = 50;

export class RoomLog {
  element = make("div", "view");

  /** What `HistoryLoader` loads pages of. */
  room = { name: "", epoch: null, history: new History(BOUNDS) };

  #unsent = [];
  #me = null;
  #log = make("div", "log");
  #list = make("ol");
  #older;
  #newer;
  #newest;
  #empty = make("p", "empty", "No messages yet.");
  #end = new EndFollower(this.#log);
  #anchor = new ScrollAnchor(this.#log, this.#list);
  #rendered = new Map();
  #isDrawing = false;
  #isCaughtUp = false;
  // Whether something has come since the reader left the end.
  #isBehind = false;
  #on;

  /** @param on `{loadOlder(), loadNewer(), resend(id, again), nameOf(username)}` */
  constructor(on) {
    this.#on = on;
    this.#older = textButton("Earlier messages", () => on.loadOlder(), "more");
    this.#newer = textButton("Later messages", () => on.loadNewer(), "more");
    this.#newest = textButton("", () => this.toEnd(), "newest");
    this.#newest.part = "newest";
    this.#log.part = "log";
    this.#log.tabIndex = 0;
    this.#log.setAttribute("role", "log");
    this.#log.setAttribute("aria-label", "Messages");
    this.#log.append(this.#older, this.#empty, this.#list, this.#newer);
    this.#log.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    this.element.append(this.#log, this.#newest);
    // What is written below takes more lines, and the state of the connection comes and goes.
    new ResizeObserver(() => this.#onResize()).observe(this.#log);
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
    return new Set(this.#messages().map(({ by }) => by));
  }

  /** Names have changed. */
  redraw() {
    this.#drawSoon();
  }

  /** Earlier or later messages were loaded, which are nothing new. */
  onLoaded() {
    announceNothing(this.#log);
    // They may have closed the gap to the end of the room.
    this.room.history.bound(this.#anchor.seq ?? 0);
    this.#draw();
  }

  setUnsent(entries) {
    this.#unsent = entries;
    this.#drawSoon();
  }

  /** Begin anew, with a room of this name. */
  clear(name) {
    this.room = { name, epoch: null, history: new History(BOUNDS) };
    this.#unsent = [];
    this.#isCaughtUp = false;
    this.#isBehind = false;
    this.#end.follow();
    this.#drawSoon();
  }

  /** Apply an event of the room, or a mark of its subscription. */
  apply(event) {
    const { history } = this.room;
    if (!this.#isCaughtUp) announceNothing(this.#log);
    switch (event.type) {
      case "joined":
        this.room.epoch = event.epoch;
        break;
      case "reset":
        history.clear();
        this.#isCaughtUp = false;
        this.#end.follow();
        break;
      case "caught_up":
        if (!this.#isCaughtUp) history.live.hasOlder = history.live.size >= PAGE;
        this.#isCaughtUp = true;
        break;
      case "message.created":
        history.add(toMessage(event));
        this.#bound();
        break;
      case "user.erased":
        history.rename(event.user, event.as);
        break;
      default:
        if (event.ref !== undefined) history.change(event);
    }
    this.#drawSoon();
  }

  /** Show the newest messages. */
  toEnd() {
    this.room.history.showLive();
    this.#end.follow();
    this.#isBehind = false;
    this.#bound();
    this.#draw();
  }

  // Internal

  get #isAtEnd() {
    return this.room.history.isAtLive && this.#end.isScrolledDown;
  }

  #messages() {
    return this.room.history.items();
  }

  #bound() {
    const { history } = this.room;
    if (this.#end.follows && history.isAtLive) {
      history.trim(BOUNDS.items);
      return;
    }
    this.#isBehind = true;
    history.bound(this.#anchor.seq ?? 0);
  }

  #onScroll() {
    this.#end.set(this.#isAtEnd);
    if (this.#isAtEnd) this.#isBehind = false;
    this.#showJump();
  }

  #onResize() {
    if (this.#end.follows) this.#end.scrollToEnd();
  }

  // Frames arrive in bursts: draw once after each.
  #drawSoon() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    setTimeout(() => {
      this.#isDrawing = false;
      this.#draw();
    });
  }

  #draw() {
    const { history } = this.room;
    const stays = this.#end.follows && history.isAtLive;
    const place = stays ? null : this.#anchor.take();
    const messages = this.#messages();
    const ids = new Set(messages.map(({ id }) => id));
    const unsent = history.isAtLive ? this.#unsent.filter(({ id }) => !ids.has(id)) : [];
    this.#older.hidden = !history.hasOlder;
    this.#newer.hidden = !history.hasNewer;
    this.#empty.hidden = !this.#isCaughtUp || messages.length + unsent.length > 0;
    reconcile(this.#list, this.#entries(messages, unsent), this.#rendered);
    if (stays) this.#end.scrollToEnd();
    else this.#anchor.restore(place);
    this.#showJump();
  }

  #entries(messages, unsent) {
    const entries = [];
    let before = null;
    for (const item of messages) {
      const day = dayKey(item.at);
      const newDay = before === null || dayKey(before.at) !== day;
      const label = dayLabel(item.at, Date.now());
      if (newDay) entries.push({ key: `day ${day}`, version: label, build: () => make("li", "day", label) });
      const name = this.#nameOf(item.by);
      const joined = !newDay && before.by === item.by;
      entries.push({
        key: item.seq, version: [item, joined, name], build: () => messageRow(item, { joined, name, me: this.#me }),
      });
      before = item;
    }
    const me = { username: this.#me, name: this.#nameOf(this.#me) };
    const build = (entry) => () => unsentRow(entry, me, this.#on.resend);
    return [...entries, ...unsent.map((entry) => ({ key: entry.id, version: [entry.state], build: build(entry) }))];
  }

  #showJump() {
    this.#newest.hidden = this.#isAtEnd || this.#messages().length === 0;
    this.#newest.classList.toggle("behind", this.#isBehind);
    setText(this.#newest, this.#isBehind ? "New messages" : "Newest messages");
  }

  #nameOf(username) {
    return username === null ? "" : this.#on.nameOf(username);
  }
}
