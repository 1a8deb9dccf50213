/**
 * The pane beside the messages: members, search or pinned messages, one at a time.
 * What is in them is loaded when the first one is opened.
 */

import { byId, setText } from "../dom.js";

const TITLES = { people: "Members", search: "Search", pins: "Pinned messages" };

export class SidePane {
  // Name → pane: `{body, draw(room, chat), opened?(room)}`; null: not loaded yet.
  #panes = null;
  #shown = null;
  #on;

  /**
   * @param on `{load() → the panes, attempt(work), redraw()}`; `redraw` is called when a
   *   pane was opened: it shows nothing until it is drawn.
   */
  constructor(on) {
    this.#on = on;
    for (const name of Object.keys(TITLES)) {
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

  async open(name) {
    this.#show(name);
    await this.#on.attempt(async () => { this.#panes ??= await this.#on.load(); });
    if (this.#shown !== name) return;
    if (this.#panes === null) {
      this.close();
      return;
    }
    byId("side-body").replaceChildren(this.#panes[name].body);
    this.#panes[name].opened?.();
    this.#on.redraw();
  }

  close() {
    const opener = this.#shown === null ? null : byId(`${this.#shown}-toggle`);
    const hadFocus = byId("side-pane").contains(document.activeElement);
    this.#show(null);
    if (hadFocus) opener?.focus();
  }

  draw(room, chat) {
    if (room === null) this.#show(null);
    else if (this.#shown !== null) this.#panes?.[this.#shown].draw(room, chat);
  }

  // Internal

  #show(name) {
    if (this.#shown === name) return;
    this.#shown = name;
    byId("side-pane").hidden = name === null;
    for (const each of Object.keys(TITLES)) {
      byId(`${each}-toggle`).setAttribute("aria-expanded", String(each === name));
    }
    byId("side-body").replaceChildren();
    if (name !== null) setText(byId("side-title"), TITLES[name]);
  }
}
