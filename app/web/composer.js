/**
 * The text field below the messages. It holds the draft of the room on display.
 */

import { byId } from "./dom.js";
import { Drafts } from "./drafts.js";

// The server's limit for a text, in Unicode characters.
const MAX_TEXT_CHARACTERS = 4_000;

const MAX_ROWS = 8;

export class Composer {
  #form = byId("composer");
  #text = byId("text");
  #drafts = new Drafts();
  #room = null;
  #on;

  /** @param on `{send(text), typing(on), notice(sentence)}` */
  constructor(on) {
    this.#on = on;
    this.#text.addEventListener("keydown", (event) => this.#onKey(event));
    this.#text.addEventListener("input", () => this.#onInput());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** Show the draft of a room, or hide the composer if `room` is null. */
  show(room) {
    this.#form.hidden = room === null;
    const name = room?.name ?? null;
    if (name === this.#room) return;
    this.#room = name;
    this.#setText(name === null ? "" : this.#drafts.get(name));
  }

  // Internal

  #onKey(event) {
    // Enter confirms a composition of an input method; don't send then.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  #onInput() {
    this.#resize();
    this.#drafts.set(this.#room, this.#text.value);
    this.#on.typing(this.#text.value !== "");
  }

  #submit() {
    const text = this.#text.value;
    if (text.trim() === "") return;
    if ([...text].length > MAX_TEXT_CHARACTERS) {
      this.#on.notice(`A message can have at most ${MAX_TEXT_CHARACTERS} characters.`);
      return;
    }
    this.#on.send(text);
    this.#drafts.set(this.#room, "");
    this.#setText("");
    this.#text.focus();
  }

  #setText(text) {
    this.#text.value = text;
    this.#resize();
  }

  #resize() {
    this.#text.rows = Math.min(MAX_ROWS, this.#text.value.split("\n").length);
  }
}
