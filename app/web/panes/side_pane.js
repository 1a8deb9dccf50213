/**
 * The pane beside the messages: members, search or pinned messages, one at a time.
 */

import { byId, setText } from "../dom.js";

export class SidePane {
  // Name → pane: `{title, body, draw(room, chat), opened?(room)}`.
  #panes;
  #shown = null;

  #redraw;

  /** @param redraw called when a pane was opened: it shows nothing until it is drawn. */
  constructor(panes, redraw) {
    this.#panes = panes;
    this.#redraw = redraw;
    for (const name of Object.keys(panes)) {
      byId(`${name}-toggle`).addEventListener("click", () => this.toggle(name));
    }
    byId("side-close").addEventListener("click", () => this.close());
    byId("side-pane").addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
  }

  get isOpen() {
    return this.#shown !== null;
  }

  toggle(name) {
    if (this.#shown === name) this.close();
    else this.open(name);
  }

  open(name) {
    this.#show(name);
    this.#panes[name].opened?.();
    this.#redraw();
  }

  close() {
    const opener = this.#shown === null ? null : byId(`${this.#shown}-toggle`);
    const hadFocus = byId("side-pane").contains(document.activeElement);
    this.#show(null);
    if (hadFocus) opener?.focus();
  }

  draw(room, chat) {
    if (room === null) this.#show(null);
    else if (this.#shown !== null) this.#panes[this.#shown].draw(room, chat);
  }

  // Internal

  #show(name) {
    if (this.#shown === name) return;
    this.#shown = name;
    byId("side-pane").hidden = name === null;
    for (const each of Object.keys(this.#panes)) {
      byId(`${each}-toggle`).setAttribute("aria-expanded", String(each === name));
    }
    if (name === null) return;
    setText(byId("side-title"), this.#panes[name].title);
    byId("side-body").replaceChildren(this.#panes[name].body);
  }
}
