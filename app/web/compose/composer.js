/**
 * The text field below the messages. It holds the draft of the room on display,
 * or, for a while, the text of a message that is edited.
 *
 *     WRITING ── reply ──▶ REPLYING ──┐ sent, or cancelled
 *        │ ▲                          │
 *        │ └──────────────────────────┴── EDITING ◀── edit
 */

import { byId, setText } from "../dom.js";
import { Drafts } from "../drafts.js";

// The server's limit for a text, in Unicode characters, and from where on it is shown.
const MAX_TEXT_CHARACTERS = 4_000;
const COUNT_FROM_CHARACTERS = 3_600;

const MAX_ROWS = 10;

export class Composer {
  #form = byId("composer");
  #text = byId("text");
  #bar = byId("composer-bar");
  #drafts = new Drafts();
  // Suggestions; null until they are loaded, which is when the field gets the focus.
  #completion = null;
  #room = null;
  // What is replied to, or edited: `{seq, name, text}`; at most one of them.
  #reply = null;
  #edited = null;
  #on;

  /**
   * @param on `{send(text, replyTo) → whether it is kept, saveEdit(seq, text), editLast(), typing(on), notice(sentence),
   *   pickEmoji(anchor, onPick), candidates: {people(room)}}`
   */
  constructor(on) {
    this.#on = on;
    this.#text.addEventListener("focus", () => this.#loadCompletion());
    this.#text.addEventListener("keydown", (event) => this.#onKey(event));
    this.#text.addEventListener("input", () => this.#onInput());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#bar.querySelector("button").addEventListener("click", () => this.#cancel());
    byId("insert-emoji").addEventListener("click", ({ currentTarget }) => {
      on.pickEmoji(currentTarget, (emoji) => this.insert(emoji));
    });
    this.#resize();
  }

  /** Show the draft of a room, or hide the composer if `room` is null. */
  show(room, label = "") {
    this.#form.hidden = room === null;
    this.#text.placeholder = label;
    const name = room?.name ?? null;
    if (name === (this.#room?.name ?? null)) return;
    this.#room = room;
    this.#reply = null;
    this.#edited = null;
    this.#showBar();
    this.#setText(this.#draft());
  }

  focus() {
    this.#text.focus();
  }

  /** Put a text where the caret is. */
  insert(text) {
    this.#text.focus();
    this.#text.setRangeText(text, this.#text.selectionStart, this.#text.selectionEnd, "end");
    this.#onInput();
  }

  /** @param message `{seq, name, text}` */
  reply(message) {
    if (this.#edited !== null) this.#cancel();
    this.#reply = message;
    this.#showBar();
    this.focus();
  }

  edit(message) {
    this.#reply = null;
    this.#edited = message;
    this.#showBar();
    this.#setText(message.text);
    this.focus();
  }

  // Internal

  async #loadCompletion() {
    if (this.#completion !== null) return;
    // Without a network, there are no suggestions; the next time, they are asked for again.
    const loaded = await import("./completion.js").catch(() => null);
    if (loaded === null || this.#completion !== null) return;
    this.#completion = new loaded.Completion(this.#text, { people: () => this.#on.people(this.#room) });
  }

  #draft() {
    return this.#room === null ? "" : this.#drafts.get(this.#room.name);
  }

  #onKey(event) {
    // Keys that confirm a composition of an input method are not ours.
    if (event.isComposing || this.#completion?.onKey(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#form.requestSubmit();
    } else if (event.key === "Escape" && (this.#reply !== null || this.#edited !== null)) {
      event.preventDefault();
      event.stopPropagation();
      this.#cancel();
    } else if (event.key === "ArrowUp" && this.#text.value === "") {
      event.preventDefault();
      this.#on.editLast();
    }
  }

  #onInput() {
    this.#resize();
    if (this.#edited !== null) return;
    this.#drafts.set(this.#room.name, this.#text.value);
    this.#on.typing(this.#text.value !== "");
  }

  async #submit() {
    const text = this.#text.value;
    if (text.trim() === "") return;
    if ([...text].length > MAX_TEXT_CHARACTERS) {
      this.#on.notice(`A message can have at most ${MAX_TEXT_CHARACTERS} characters.`);
      return;
    }
    if (this.#edited === null) this.#send(text);
    else await this.#save(text);
  }

  #send(text) {
    if (!this.#on.send(text, this.#reply?.seq ?? null)) return;
    this.#reply = null;
    this.#drafts.set(this.#room.name, "");
    this.#showBar();
    this.#setText("");
    this.focus();
  }

  async #save(text) {
    const edited = this.#edited;
    if (text !== edited.text && !(await this.#on.saveEdit(edited.seq, text))) return;
    if (this.#edited === edited) this.#cancel();
  }

  #cancel() {
    const edited = this.#edited !== null;
    this.#reply = null;
    this.#edited = null;
    this.#showBar();
    if (edited) this.#setText(this.#draft());
    this.focus();
  }

  #showBar() {
    const about = this.#edited ?? this.#reply;
    this.#bar.hidden = about === null;
    const [icon, label] = this.#bar.children;
    if (about === null) {
      setText(label, "");
      return;
    }
    icon.className = `icon icon-${this.#edited === null ? "reply" : "edit"}`;
    setText(label, this.#edited === null ? `Replying to ${about.name}: ${about.text}` : "Editing your message");
  }

  #setText(text) {
    this.#text.value = text;
    this.#completion?.close();
    this.#resize();
  }

  #resize() {
    const { value } = this.#text;
    this.#text.rows = Math.min(MAX_ROWS, value.split("\n").length);
    const characters = value.length < COUNT_FROM_CHARACTERS ? 0 : [...value].length;
    const counter = byId("counter");
    counter.hidden = characters < COUNT_FROM_CHARACTERS;
    counter.classList.toggle("over", characters > MAX_TEXT_CHARACTERS);
    setText(counter, String(MAX_TEXT_CHARACTERS - characters));
    this.#form.querySelector(".send").disabled = value.trim() === "";
  }
}
