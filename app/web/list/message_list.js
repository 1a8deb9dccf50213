/**
 * The message list of one room.
 *
 * Elements are reused by key, and rebuilt only when their content changes. A
 * reader at the end stays at the end; a reader further up keeps their position,
 * and finds it again after a look into another room.
 */

import { announceNothing, byId, reconcile, setText } from "../dom.js";
import { beginningOf, skeleton } from "./beginning.js";
import { EndFollower } from "./end_follower.js";
import { entriesOf } from "./entries.js";
import { MessageTools } from "./message_tools.js";
import { ScrollAnchor } from "./scroll_anchor.js";
import { ScrollWindow } from "./scroll_window.js";

// More of what is held is shown, or more is loaded, when the reader is this close to an edge.
const NEAR_EDGE_PX = 1_000;
const LOAD_NEAR_EDGE_PX = 500;

// How long a message that was jumped to stands out: as in messages.css.
const FOUND_MS = 2_400;

// After history could not be loaded, it is asked for again: soon for a reader, rarely for a server
// that is down.
const RETRY_LOAD_MS = 2_000;

export class MessageList {
  #log = byId("log");
  #list = byId("messages");
  #rendered = new Map();
  #window = new ScrollWindow();
  #anchor = new ScrollAnchor(byId("log"), byId("messages"));
  #tools;
  #room = null;
  #state = { unsent: [], me: null, nameOf: String };
  // The room whose history is being loaded, or null.
  #loading = null;
  #end = new EndFollower(byId("log"));
  // Messages of others after this seq are marked as new; null: none.
  #divider = null;
  // Room name → position, of rooms that were left while reading further up.
  #positions = new Map();
  #newestUnsentId = null;
  // Whether the place to begin reading at was found, which takes the room's first page.
  #settled = false;
  #on;

  /**
   * @param on what rows do (see `row.js`), and `{loadOlder(room), loadNewer(room), loadAround(room, seq)}`,
   *   which tell whether they succeeded, and `{showLive(room), onReadToEnd(), menuOf(item)}`.
   */
  constructor(on) {
    this.#on = { ...on, openMessage: (seq) => this.jumpTo(seq) };
    this.#tools = new MessageTools(this.#log, { ...on, itemAt: (seq) => this.#room?.get(seq) });
    this.#log.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    // A phone's keyboard shrinks the window: keep the end in view.
    new ResizeObserver(() => this.#onResize()).observe(this.#log);
    byId("newest").addEventListener("click", () => this.jumpToEnd());
    byId("first-unread").addEventListener("click", () => this.jumpTo(this.#divider + 1));
  }

  /** Whether the room's newest message is in view. */
  get atEnd() {
    return this.#window.followsEnd && this.#room?.history.isAtLive !== false && this.#end.isScrolledDown;
  }

  /** The seq of the first message in the page, or null while it follows the end. */
  get firstShown() {
    return this.#window.from;
  }

  show(room, state) {
    const another = room !== this.#room;
    if (another) this.#open(room);
    const unsentId = state.unsent.at(-1)?.id ?? null;
    const wroteOne = unsentId !== null && unsentId !== this.#newestUnsentId;
    this.#newestUnsentId = unsentId;
    this.#state = state;
    // A message just written by this user should be in view.
    if (wroteOne && !another) {
      this.#divider = null;
      this.#followEnd();
    }
    if (room.keepsUnread) this.#divider = room.read;
    this.#render({ quietly: !this.#settled });
    if (!this.#settled && room.cursor !== null) this.#restorePosition();
  }

  clear() {
    this.#room = null;
    this.#rendered.clear();
    this.#positions.clear();
    this.#list.replaceChildren();
  }

  /** The page was out of sight: what came meanwhile is new. */
  markNew() {
    if (this.#room?.unread > 0) this.#divider = this.#room.read;
  }

  /** Bring a message into view, loading its surroundings if needed, and point it out. */
  async jumpTo(seq) {
    const room = this.#room;
    await this.#on.loadAround(room, seq);
    if (room !== this.#room) return;
    this.#window.centre(this.#items(), seq);
    this.#render({ quietly: true });
    this.#pointOut(seq);
  }

  jumpToEnd() {
    this.#followEnd();
    this.#render({ quietly: true });
    this.#on.onReadToEnd();
  }

  /** Move the focus to the last message. */
  focusLast() {
    this.#tools.focusLast();
  }

  // Rendering

  #items() {
    const { unsent, me } = this.#state;
    const items = this.#room.items();
    if (unsent.length === 0 || !this.#room.history.isAtLive) return items;
    return [...items, ...unsent.map((entry) => ({ ...entry, kind: "unsent", by: me }))];
  }

  #render({ quietly = false } = {}) {
    const room = this.#room;
    const items = this.#items();
    const stay = this.#end.follows && room.history.isAtLive;
    if (stay) this.#window.followEnd();
    else this.#window.hold(items);
    const shown = this.#window.slice(items);
    if (quietly) announceNothing(this.#log);
    const place = stay ? null : this.#anchor.take();
    const focus = this.#tools.takeFocus();
    reconcile(this.#list, entriesOf(shown.items, {
      ...this.#state, room, on: this.#on, divider: this.#divider, before: items[shown.start - 1] ?? null,
    }), this.#rendered);
    this.#showEdges(shown);
    this.#tools.restoreFocus(focus);
    if (stay) this.#end.scrollToEnd();
    else this.#anchor.restore(place);
    this.#showJumps();
    this.#fillWindow();
  }

  #showEdges({ start }) {
    const { history, cursor } = this.#room;
    const atBeginning = start === 0 && !history.hasOlder && cursor !== null;
    beginningOf(this.#room, atBeginning, { nameOf: this.#state.nameOf, on: this.#on });
    byId("older").hidden = cursor === null || atBeginning;
    skeleton(cursor === null && this.#room.refused === null);
  }

  #showJumps() {
    const newest = byId("newest");
    const unread = this.#room.unread;
    newest.hidden = this.atEnd;
    newest.classList.toggle("new", unread > 0);
    const first = this.#divider === null ? null : this.#list.querySelector(".new-line");
    const above = first === null ? this.#divider !== null && unread > 0 && this.atEnd : this.#anchor.isAbove(first);
    byId("first-unread").hidden = !above;
    setText(byId("first-unread"), "Jump to the first new message");
  }

  // Rooms

  #open(room) {
    if (this.#room !== null) this.#leave();
    this.#room = room;
    this.#loading = null;
    this.#divider = room.unread > 0 ? room.read : null;
    this.#newestUnsentId = null;
    this.#end.follow();
    this.#settled = false;
    this.#window.followEnd();
    this.#tools.close();
    this.#rendered.clear();
    this.#list.replaceChildren();
  }

  #leave() {
    if (this.#end.follows) this.#positions.delete(this.#room.name);
    else this.#positions.set(this.#room.name, this.#anchor.seq);
  }

  // Back to where the reader was, or to the first new message if it is above what fits.
  #restorePosition() {
    this.#settled = true;
    const seq = this.#positions.get(this.#room.name);
    this.#positions.delete(this.#room.name);
    if (seq !== undefined && this.#room.history.live.has(seq)) {
      this.#end.set(false);
      this.#window.centre(this.#items(), seq);
      this.#render({ quietly: true });
      this.#anchor.scrollTo(this.#rowOf(seq), "start");
      return;
    }
    const line = this.#list.querySelector(".new-line");
    if (line === null || !this.#anchor.isAbove(line)) return;
    this.#end.set(false);
    this.#anchor.scrollTo(line, "start");
    this.#render();
  }

  // Scrolling

  #onResize() {
    if (this.#room !== null && this.#end.follows) this.#end.scrollToEnd();
  }

  #onScroll() {
    if (this.#room === null) return;
    const below = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight;
    if (below < NEAR_EDGE_PX) this.#showNewer();
    this.#end.set(this.atEnd);
    if (this.#end.follows) this.#on.onReadToEnd();
    this.#showJumps();
    if (this.#log.scrollTop < NEAR_EDGE_PX) this.#showOlder();
  }

  #showOlder() {
    if (this.#window.moveUp(this.#items())) this.#render({ quietly: true });
    else if (this.#room.history.hasOlder && this.#log.scrollTop < LOAD_NEAR_EDGE_PX) this.#load(this.#on.loadOlder);
  }

  #showNewer() {
    const { history } = this.#room;
    if (this.#window.moveDown(this.#items())) this.#render({ quietly: true });
    else if (history.hasNewer) this.#load(this.#on.loadNewer);
    else if (history.isAtLive && !this.#window.followsEnd && this.#end.isScrolledDown) this.#window.followEnd();
  }

  #followEnd() {
    this.#on.showLive(this.#room);
    this.#window.followEnd();
    this.#end.follow();
  }

  // Content that doesn't fill the window can't be scrolled: load more.
  #fillWindow() {
    const { history, cursor } = this.#room;
    if (cursor === null || this.#log.scrollHeight > this.#log.clientHeight) return;
    if (history.hasOlder) this.#load(this.#on.loadOlder);
    else if (history.hasNewer) this.#load(this.#on.loadNewer);
  }

  async #load(load) {
    const room = this.#room;
    if (this.#loading === room) return;
    this.#loading = room;
    const loaded = await load(room);
    if (!loaded) await new Promise((resolve) => { setTimeout(resolve, RETRY_LOAD_MS); });
    if (room !== this.#room) return;
    this.#loading = null;
    this.#render({ quietly: true });
    // Scrolling may have reached an edge meanwhile.
    this.#onScroll();
  }

  #rowOf(seq) {
    return this.#list.querySelector(`[data-seq="${seq}"]`);
  }

  #pointOut(seq) {
    const row = this.#rowOf(seq) ?? this.#anchor.rowFrom(seq);
    if (row === null) return;
    this.#end.set(false);
    this.#anchor.scrollTo(row, "center");
    this.#end.set(this.atEnd);
    row.classList.add("found");
    row.focus({ preventScroll: true });
    setTimeout(() => row.classList.remove("found"), FOUND_MS);
  }
}
