/**
 * Suggestions while a name (`@al`) or an emoji (`:smi`) is typed, as a list above
 * the text field. The focus stays in the field.
 */

import { avatar } from "../avatar.js";
import { byId, make } from "../dom.js";

// What is before the caret: a name at the start of a word, or two letters of an emoji.
const NAME = /(?:^|[\s([{"'])@([\p{L}\p{N}_.-]*)$/u;
const EMOJI = /(?:^|\s):([a-z0-9_+-]{2,})$/i;

const SUGGESTIONS = 7;

export class Completion {
  #text;
  #list = byId("completion");
  #found = [];
  #chosen = 0;
  // Goes up with each change: suggestions that arrive for an earlier text are dropped.
  #version = 0;
  #people;

  /** @param people () → the people who may be named: `{user, display_name}`. */
  constructor(text, { people }) {
    this.#text = text;
    this.#people = people;
    text.addEventListener("input", () => this.#update());
    text.addEventListener("blur", () => this.close());
    this.#list.addEventListener("pointerdown", (event) => {
      // The field keeps the focus.
      event.preventDefault();
      const option = event.target.closest("li");
      if (option !== null) this.#take([...this.#list.children].indexOf(option));
    });
    // Something may have been typed while this was loaded.
    this.#update();
  }

  close() {
    this.#version += 1;
    this.#show([]);
  }

  /** Handle a key; returns whether it was for the list. */
  onKey(event) {
    if (this.#found.length === 0) return false;
    const { key, shiftKey } = event;
    if (key === "ArrowDown" || key === "ArrowUp") this.#choose(this.#chosen + (key === "ArrowDown" ? 1 : -1));
    else if ((key === "Enter" || key === "Tab") && !shiftKey) this.#take(this.#chosen);
    else if (key === "Escape") this.close();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  // Internal

  async #update() {
    const version = this.#version += 1;
    const { value, selectionStart } = this.#text;
    const before = value.slice(0, selectionStart);
    const name = NAME.exec(before);
    const emoji = EMOJI.exec(before);
    let found = [];
    if (name !== null) found = this.#names(name[1]);
    else if (emoji !== null) found = await this.#emoji(emoji[1]);
    if (version === this.#version) this.#show(found);
  }

  #names(query) {
    const wanted = query.toLowerCase();
    const matches = this.#people().filter(({ user, display_name: name }) => (
      user.startsWith(wanted) || (name ?? "").toLowerCase().split(/\s+/).some((word) => word.startsWith(wanted))
    ));
    return matches.slice(0, SUGGESTIONS).map(({ user, display_name: name }) => ({
      typed: `@${query}`, text: `@${user} `, icon: avatar(user, name || user, "small"), label: name || user, detail: name ? `@${user}` : "",
    }));
  }

  async #emoji(query) {
    // Without a network, there are no suggestions.
    const names = await import("../emoji_names.js").catch(() => null);
    const found = names === null ? [] : await names.searchEmoji(query, SUGGESTIONS);
    return found.map(([emoji, name]) => ({
      typed: `:${query}`, text: `${emoji} `, icon: make("span", "emoji", emoji), label: name, detail: "",
    }));
  }

  #show(found) {
    this.#found = found;
    this.#list.hidden = found.length === 0;
    this.#list.replaceChildren(...found.map(({ icon, label, detail }, index) => {
      const option = make("li", "", icon, make("span", "clip", label), make("span", "hint clip", detail));
      option.id = `suggestion-${index}`;
      option.setAttribute("role", "option");
      return option;
    }));
    this.#choose(0);
  }

  #choose(index) {
    const count = this.#found.length;
    this.#chosen = count === 0 ? 0 : (index + count) % count;
    [...this.#list.children].forEach((option, place) => {
      option.setAttribute("aria-selected", String(place === this.#chosen));
    });
    if (count === 0) {
      this.#text.removeAttribute("aria-activedescendant");
      return;
    }
    this.#text.setAttribute("aria-activedescendant", `suggestion-${this.#chosen}`);
    this.#list.children[this.#chosen].scrollIntoView({ block: "nearest" });
  }

  #take(index) {
    const { typed, text } = this.#found[index];
    const end = this.#text.selectionStart;
    this.#text.setRangeText(text, end - typed.length, end, "end");
    this.close();
    this.#text.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
