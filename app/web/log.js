/**
 * The messages of one room, drawn.
 *
 * Elements are kept by key and rebuilt only when what they show has changed.
 * Who reads at the end stays at the end; who reads further up isn't moved.
 */

import { byId, make, reconcile } from "./dom.js";
import { Sending } from "./outbox.js";
import { clock, dayKey, dayLabel, parts, sentence } from "./words.js";

// Closer to the end than this counts as reading the newest.
const NEAR_END_PX = 60;

// Older history is fetched when the reader is this close to the top.
const NEAR_TOP_PX = 200;

// Messages of one author within this time share one heading.
const SAME_BREATH_MS = 5 * 60_000;

// Authors are told apart by one of so many colours; style.css has them.
const HUES = 6;

export class Log {
  #log = byId("log");
  #list = byId("messages");
  #older = byId("older");
  #newest = byId("newest");
  #held = new Map();
  #room = null;
  #me = null;
  #loading = false;
  #wasAtEnd = true;
  // What was last at the end: of the log, and of what is still to be sent.
  #seenSeq = 0;
  #written = null;
  #on;

  /** @param on `{older(room), seen(), resend(id, {again})}` */
  constructor(on) {
    this.#on = on;
    this.#log.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    // A phone's keyboard takes half of the window: keep the end in view.
    new ResizeObserver(() => this.#resized()).observe(this.#log);
    this.#older.addEventListener("click", () => this.#loadOlder());
    this.#newest.addEventListener("click", () => this.#toEnd());
  }

  get atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  show(room, unsent, me) {
    const another = room !== this.#room;
    if (another) this.clear(room);
    const newest = room.items().at(-1)?.seq ?? 0;
    const written = unsent.at(-1)?.id ?? null;
    // Who has just written something wants to see it.
    const toEnd = another || this.atEnd || (written !== null && written !== this.#written);
    this.#me = me;
    reconcile(this.#list, this.#wanted(room, unsent), this.#held);
    this.#older.hidden = !room.hasOlder;
    if (toEnd) this.#toEnd();
    else if (newest > this.#seenSeq) this.#newest.hidden = false;
    this.#seenSeq = newest;
    this.#written = written;
    this.#fill();
  }

  clear(room = null) {
    this.#room = room;
    this.#seenSeq = 0;
    this.#written = null;
    this.#held.clear();
    this.#list.replaceChildren();
  }

  // Internal

  #wanted(room, unsent) {
    const wanted = [];
    let before = null;
    for (const item of [...room.items(), ...unsent.map((entry) => ({ ...entry, kind: "unsent", by: this.#me }))]) {
      const day = dayKey(item.at);
      if (before === null || dayKey(before.at) !== day) {
        wanted.push({ key: `day ${day}`, version: dayLabel(item.at, Date.now()), build: () => this.#day(item.at) });
        before = null;
      }
      const follows = sameBreath(before, item);
      wanted.push(this.#one(item, follows));
      before = item;
    }
    return wanted;
  }

  #one(item, follows) {
    if (item.kind === "notice") {
      return { key: `seq ${item.seq}`, version: "", build: () => this.#notice(item) };
    }
    const quoted = item.replyTo ? this.#room.get(item.replyTo) : null;
    // An unsent message becomes a sent one under the same key.
    return {
      key: item.id ? `id ${item.by} ${item.id}` : `seq ${item.seq}`,
      version: JSON.stringify([item, follows, quoted?.text]),
      build: () => this.#message(item, { follows, quoted }),
    };
  }

  #day(at) {
    return make("li", "day", make("span", "", dayLabel(at, Date.now())));
  }

  #notice(item) {
    return make("li", "event", make("bdi", "", sentence(item, this.#me)), " ", time(item.at));
  }

  #message(item, { follows, quoted }) {
    const own = item.by === this.#me;
    const element = make(
      "li",
      `message${own ? " own" : ""}${follows ? " follows" : ""}${item.kind === "unsent" ? " unsent" : ""}`,
      follows ? null : this.#heading(item),
      item.replyTo ? quote(quoted) : null,
      body(item),
      reactions(item.reactions ?? {}, this.#me),
      item.kind === "unsent" ? this.#progress(item) : null,
    );
    if (item.seq !== undefined) element.dataset.seq = item.seq;
    return element;
  }

  #heading({ by, at }) {
    const author = make("bdi", `author hue-${hue(by ?? "")}`, by ?? "system");
    return make("div", "heading", author, " ", time(at));
  }

  #progress({ id, state, detail }) {
    if (state !== Sending.FAILED) return make("p", "hint", "Sending…");
    const again = make("button", "", "Try again");
    const drop = make("button", "", "Remove");
    again.addEventListener("click", () => this.#on.resend(id, { again: true }));
    drop.addEventListener("click", () => this.#on.resend(id, { again: false }));
    return make("p", "failed", make("span", "error", `Not sent. ${detail}`), " ", again, " ", drop);
  }

  // Scrolling

  #resized() {
    if (this.#wasAtEnd) this.#toEnd();
  }

  #scrolled() {
    this.#wasAtEnd = this.atEnd;
    if (this.#wasAtEnd) {
      this.#newest.hidden = true;
      this.#on.seen();
    }
    if (this.#log.scrollTop < NEAR_TOP_PX) this.#loadOlder();
  }

  #toEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#newest.hidden = true;
  }

  // What is there is shorter than the window: nobody could scroll.
  #fill() {
    if (this.#log.scrollHeight <= this.#log.clientHeight) this.#loadOlder();
  }

  async #loadOlder() {
    const room = this.#room;
    if (this.#loading || !room?.hasOlder) return;
    this.#loading = true;
    // Old messages aren't news: screen readers needn't read them out.
    this.#log.setAttribute("aria-busy", "true");
    const fromEnd = this.#log.scrollHeight - this.#log.scrollTop;
    try {
      await this.#on.older(room);
    } finally {
      if (room === this.#room) this.#log.scrollTop = this.#log.scrollHeight - fromEnd;
      this.#log.setAttribute("aria-busy", "false");
      this.#loading = false;
    }
  }
}

function sameBreath(before, item) {
  return before !== null && before.kind !== "notice" && item.kind !== "notice"
    && before.by === item.by && !item.replyTo
    && new Date(item.at) - new Date(before.at) < SAME_BREATH_MS;
}

function body({ text, editedAt, pinned }) {
  if (text === null) return make("p", "text gone", "This message was deleted.");
  const paragraph = make("p", "text", ...parts(text).map((part) => (part.href ? link(part) : part.text)));
  // Right-to-left texts read from the right, whatever surrounds them.
  paragraph.dir = "auto";
  if (editedAt) paragraph.append(" ", make("span", "mark", "(edited)"));
  if (pinned) paragraph.append(" ", make("span", "mark", "(pinned)"));
  return paragraph;
}

function link({ text, href }) {
  const anchor = make("a", "", text);
  anchor.href = href;
  anchor.target = "_blank";
  anchor.rel = "noopener noreferrer";
  return anchor;
}

function quote(quoted) {
  const text = quoted?.kind === "message" ? (quoted.text ?? "deleted message") : "an earlier message";
  const author = quoted?.by ? make("b", "", quoted.by, ": ") : null;
  return make("blockquote", "", author, text);
}

function reactions(byEmoji, me) {
  const all = Object.entries(byEmoji).filter(([, names]) => names.length > 0);
  if (all.length === 0) return null;
  return make("ul", "reactions", ...all.map(([emoji, names]) => {
    const chip = make("li", names.includes(me) ? "mine" : "", `${emoji} ${names.length}`);
    chip.title = names.join(", ");
    return chip;
  }));
}

function time(at) {
  const element = make("time", "", clock(at));
  element.dateTime = at;
  element.title = new Date(at).toLocaleString();
  return element;
}

function hue(name) {
  return [...name].reduce((sum, character) => (sum * 31 + character.codePointAt(0)) % 997, 7) % HUES;
}
