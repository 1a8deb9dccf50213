/**
 * The pinned messages of the room.
 */

import { make } from "../dom.js";
import { plainText } from "../markdown.js";
import { hitElement } from "./message_hits.js";

// A long text is cut off here: the message itself is one click away.
const SHOWN_CHARACTERS = 280;

export class PinsPane {
  body = make("div", "pane");

  #status = make("p", "hint");
  #list = make("ul", "");
  // The room and the pins that are shown, as a string.
  #shown = null;
  #on;

  /** @param on `{pins(room), nameOf(username), open(room, seq)}`; `pins` answers messages. */
  constructor(on) {
    this.#on = on;
    this.#list.setAttribute("aria-label", "Pinned messages");
    this.#status.setAttribute("role", "status");
    this.body.append(make("div", "pane-body", this.#status, this.#list));
  }

  opened() {
    this.#shown = null;
  }

  async draw(room) {
    const version = `${room.name} ${room.pinsVersion}`;
    if (this.#shown === version) return;
    this.#shown = version;
    let messages = [];
    try {
      messages = await this.#on.pins(room);
      this.#status.textContent = messages.length === 0 ? "Nothing is pinned here. Pin a message from its menu." : "";
    } catch ({ message }) {
      this.#status.textContent = message;
    }
    if (this.#shown !== version) return;
    this.#list.replaceChildren(...messages.map((message) => hitElement(message, [cut(plainText(message.text ?? ""))], {
      nameOf: this.#on.nameOf, open: this.#on.open, showRoom: false,
    })));
  }
}

function cut(text) {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}
