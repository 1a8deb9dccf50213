/**
 * The message list of one room.
 *
 * Elements are reused by key, and rebuilt only when their content changes. A
 * reader at the end stays at the end; a reader further up keeps their position.
 */

import { byId, make, reconcile } from "./dom.js";
import { Sending } from "./outbox.js";
import { formatTime, dayKey, dayLabel, splitLinks, describeEvent } from "./format.js";

// Closer to the end than this counts as reading the newest messages.
const NEAR_END_PX = 60;

// Older history is loaded when the reader is this close to the top.
const NEAR_TOP_PX = 1_000;

// Consecutive messages of one author within this time share one heading.
const GROUP_MS = 5 * 60_000;

// Authors get one of this many colours, defined in style.css.
const COLOURS = 6;

export class MessageList {
  #log = byId("log");
  #list = byId("messages");
  #older = byId("older");
  #newest = byId("newest");
  #rendered = new Map();
  #room = null;
  #me = null;
  #loading = false;
  #wasAtEnd = true;
  // The last items shown: newest seq of the log, and id of the newest unsent message.
  #newestSeq = 0;
  #newestUnsentId = null;
  #on;

  /** @param on `{loadOlder(room), onReadToEnd(), resend(id, {again})}` */
  constructor(on) {
    this.#on = on;
    this.#log.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    // A phone's keyboard shrinks the window: keep the end in view.
    new ResizeObserver(() => this.#onResize()).observe(this.#log);
    this.#older.addEventListener("click", () => this.#loadOlder());
    this.#newest.addEventListener("click", () => this.#scrollToEnd());
  }

  get atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  show(room, unsent, me) {
    const another = room !== this.#room;
    if (another) this.clear(room);
    const newest = room.items().at(-1)?.seq ?? 0;
    const newestUnsentId = unsent.at(-1)?.id ?? null;
    // A message just written by this user should be in view.
    const scrollToEnd = another || this.atEnd || (newestUnsentId !== null && newestUnsentId !== this.#newestUnsentId);
    this.#me = me;
    reconcile(this.#list, this.#entries(room, unsent), this.#rendered);
    this.#older.hidden = !room.hasOlder;
    if (scrollToEnd) this.#scrollToEnd();
    else if (newest > this.#newestSeq) this.#newest.hidden = false;
    this.#newestSeq = newest;
    this.#newestUnsentId = newestUnsentId;
    this.#fillWindow();
  }

  clear(room = null) {
    this.#room = room;
    this.#newestSeq = 0;
    this.#newestUnsentId = null;
    this.#rendered.clear();
    this.#list.replaceChildren();
  }

  // Internal

  #entries(room, unsent) {
    const entries = [];
    let before = null;
    for (const item of [...room.items(), ...unsent.map((entry) => ({ ...entry, kind: "unsent", by: this.#me }))]) {
      const day = dayKey(item.at);
      if (before === null || dayKey(before.at) !== day) {
        entries.push({ key: `day ${day}`, version: dayLabel(item.at, Date.now()), build: () => this.#dayHeading(item.at) });
        before = null;
      }
      const follows = inSameGroup(before, item);
      entries.push(this.#messageEntry(item, follows));
      before = item;
    }
    return entries;
  }

  #messageEntry(item, follows) {
    if (item.kind === "notice") {
      return { key: `seq ${item.seq}`, version: "", build: () => this.#notice(item) };
    }
    const quoted = item.replyTo ? this.#room.get(item.replyTo) : null;
    // A message keeps its key, and so its place, when it is acknowledged.
    return {
      key: item.id ? `id ${item.by} ${item.id}` : `seq ${item.seq}`,
      version: JSON.stringify([item, follows, quoted?.text]),
      build: () => this.#message(item, { follows, quoted }),
    };
  }

  #dayHeading(at) {
    return make("li", "day", make("span", "", dayLabel(at, Date.now())));
  }

  #notice(item) {
    return make("li", "event", make("bdi", "", describeEvent(item, this.#me)), " ", timeElement(item.at));
  }

  #message(item, { follows, quoted }) {
    const own = item.by === this.#me;
    const element = make(
      "li",
      `message${own ? " own" : ""}${follows ? " follows" : ""}${item.kind === "unsent" ? " unsent" : ""}`,
      follows ? null : this.#heading(item),
      item.replyTo ? quoteElement(quoted) : null,
      textElement(item),
      reactionList(item.reactions ?? {}, this.#me),
      item.kind === "unsent" ? this.#progress(item) : null,
    );
    if (item.seq !== undefined) element.dataset.seq = item.seq;
    return element;
  }

  #heading({ by, at }) {
    const author = make("bdi", `author hue-${hueOf(by ?? "")}`, by ?? "system");
    return make("div", "heading", author, " ", timeElement(at));
  }

  #progress({ id, state, detail }) {
    if (state !== Sending.FAILED) return make("p", "hint", "Sending…");
    const retry = make("button", "", "Try again");
    const remove = make("button", "", "Remove");
    retry.addEventListener("click", () => this.#on.resend(id, { again: true }));
    remove.addEventListener("click", () => this.#on.resend(id, { again: false }));
    return make("p", "failed", make("span", "error", `Not sent. ${detail}`), " ", retry, " ", remove);
  }

  // Scrolling

  #onResize() {
    if (this.#wasAtEnd) this.#scrollToEnd();
  }

  #onScroll() {
    this.#wasAtEnd = this.atEnd;
    if (this.#wasAtEnd) {
      this.#newest.hidden = true;
      this.#on.onReadToEnd();
    }
    if (this.#log.scrollTop < NEAR_TOP_PX) this.#loadOlder();
  }

  #scrollToEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#newest.hidden = true;
  }

  // Content that doesn't fill the window can't be scrolled: load more.
  #fillWindow() {
    if (this.#log.scrollHeight <= this.#log.clientHeight) this.#loadOlder();
  }

  async #loadOlder() {
    const room = this.#room;
    if (this.#loading || !room?.hasOlder) return;
    this.#loading = true;
    // Screen readers must not announce old messages as new ones.
    this.#log.setAttribute("aria-busy", "true");
    const fromEnd = this.#log.scrollHeight - this.#log.scrollTop;
    try {
      await this.#on.loadOlder(room);
    } finally {
      if (room === this.#room) this.#log.scrollTop = this.#log.scrollHeight - fromEnd;
      this.#log.setAttribute("aria-busy", "false");
      this.#loading = false;
    }
  }
}

function inSameGroup(before, item) {
  return before !== null && before.kind !== "notice" && item.kind !== "notice"
    && before.by === item.by && !item.replyTo
    && new Date(item.at) - new Date(before.at) < GROUP_MS;
}

function textElement({ text, editedAt, pinned }) {
  if (text === null) return make("p", "text deleted", "This message was deleted.");
  const paragraph = make("p", "text", ...splitLinks(text).map((part) => (part.href ? linkElement(part) : part.text)));
  // Right-to-left text is aligned by its own direction.
  paragraph.dir = "auto";
  if (editedAt) paragraph.append(" ", make("span", "mark", "(edited)"));
  if (pinned) paragraph.append(" ", make("span", "mark", "(pinned)"));
  return paragraph;
}

function linkElement({ text, href }) {
  const anchor = make("a", "", text);
  anchor.href = href;
  anchor.target = "_blank";
  anchor.rel = "noopener noreferrer";
  return anchor;
}

function quoteElement(quoted) {
  const text = quoted?.kind === "message" ? (quoted.text ?? "deleted message") : "an earlier message";
  const author = quoted?.by ? make("b", "", quoted.by, ": ") : null;
  return make("blockquote", "", author, text);
}

function reactionList(byEmoji, me) {
  const all = Object.entries(byEmoji).filter(([, names]) => names.length > 0);
  if (all.length === 0) return null;
  return make("ul", "reactions", ...all.map(([emoji, names]) => {
    const chip = make("li", names.includes(me) ? "mine" : "", `${emoji} ${names.length}`);
    chip.title = names.join(", ");
    return chip;
  }));
}

function timeElement(at) {
  const element = make("time", "", formatTime(at));
  element.dateTime = at;
  element.title = new Date(at).toLocaleString();
  return element;
}

function hueOf(name) {
  return [...name].reduce((sum, character) => (sum * 31 + character.codePointAt(0)) % 997, 7) % COLOURS;
}
