/**
 * What was written and not sent yet, one text per room. Kept in local storage,
 * so that a reload or a crash of the browser loses no word of it.
 */

// Begins with the prefix of every key of this page: logging out removes it.
const PREFIX = "parley.draft.";

export class Drafts {
  #storage;

  constructor(storage = localStorage) {
    this.#storage = storage;
  }

  get(room) {
    return this.#storage.getItem(PREFIX + room) ?? "";
  }

  set(room, text) {
    if (text === "") {
      this.#storage.removeItem(PREFIX + room);
      return;
    }
    try {
      this.#storage.setItem(PREFIX + room, text);
    } catch {
      // The storage is full: the text stays in the text field.
    }
  }
}
