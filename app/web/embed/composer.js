/** Where a message is written in `<parley-chat>`. */

import { make, textButton } from "../dom.js";

export class Composer {
  element = make("form", "composer");

  #field = make("textarea");
  #send;

  /** @param send called with a text; returns whether it was taken */
  constructor(send) {
    this.#send = send;
    this.#field.rows = 1;
    this.#field.placeholder = "Write a message";
    this.#field.setAttribute("aria-label", "Message");
    this.#field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    const button = textButton("Send", () => {}, "primary");
    button.type = "submit";
    this.element.part = "composer";
    this.element.hidden = true;
    this.element.append(this.#field, button);
  }

  // Internal

  #submit() {
    const text = this.#field.value;
    if (text.trim() !== "" && this.#send(text)) this.#field.value = "";
  }
}
