/**
 * Searching messages, in this room or everywhere; a result leads to its place.
 */

import { make, textButton } from "../dom.js";
import { input } from "../dialog.js";
import { hitElement, markedParts } from "./message_hits.js";

// After the last letter: a search per letter would be refused.
const TYPING_PAUSE_MS = 250;

export class SearchPane {
  body = make("div", "pane");

  #query = input("q", "", { type: "search", placeholder: "Search messages", "aria-label": "Search messages", maxlength: "200" });
  #by = input("by", "", { placeholder: "From username", "aria-label": "From username", autocapitalize: "none", spellcheck: "false" });
  #everywhere = input("everywhere", "", { type: "checkbox" });
  #status = make("p", "hint");
  #results = make("ul", "");
  #more;
  #timer = null;
  #room = null;
  // Goes up with each search: answers to an earlier one are dropped.
  #version = 0;
  #next = null;
  #on;

  /** @param on `{search(query), nameOf(username), open(room, seq)}`; `search` answers `{messages, next}`. */
  constructor(on) {
    this.#on = on;
    const form = make("form", "pane-form search-form", this.#query, this.#by, make("label", "check", this.#everywhere, "In all rooms"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#start();
    });
    form.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#start(), TYPING_PAUSE_MS);
    });
    this.#more = textButton("More results", () => this.#load());
    this.#more.hidden = true;
    this.#status.setAttribute("role", "status");
    this.#results.setAttribute("aria-label", "Results");
    this.body.append(form, make("div", "pane-body", this.#status, this.#results, make("div", "row end", this.#more)));
    this.#say("Words in messages of this room. Case and accents don't matter.");
  }

  opened() {
    this.#query.focus();
    this.#query.select();
  }

  draw(room) {
    const changed = this.#room !== null && this.#room !== room;
    this.#room = room;
    if (changed && !this.#everywhere.checked) this.#start();
  }

  // Internal

  async #start() {
    this.#version += 1;
    this.#next = null;
    this.#results.replaceChildren();
    this.#more.hidden = true;
    if (this.#query.value.trim() === "") this.#say("");
    else await this.#load();
  }

  async #load() {
    const version = this.#version;
    this.#say("Searching…");
    let found;
    try {
      found = await this.#on.search({
        q: this.#query.value.trim(),
        ...(!this.#everywhere.checked && { room: this.#room.name }),
        ...(this.#by.value.trim() && { by: this.#by.value.trim().replace(/^@/, "").toLowerCase() }),
        ...(this.#next && { before: this.#next }),
      });
    } catch ({ message }) {
      if (version === this.#version) this.#say(message);
      return;
    }
    if (version !== this.#version) return;
    this.#next = found.next;
    this.#more.hidden = found.next === null;
    this.#results.append(...found.messages.map((message) => hitElement(message, markedParts(message.snippet), {
      nameOf: this.#on.nameOf, open: this.#on.open, showRoom: this.#everywhere.checked,
    })));
    const count = this.#results.childElementCount;
    this.#say(count === 0 ? "No message has all of these words." : `${count}${found.next ? " or more" : ""} found`);
  }

  #say(sentence) {
    this.#status.textContent = sentence;
  }
}
