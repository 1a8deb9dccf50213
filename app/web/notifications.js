/**
 * Desktop notifications: of what a room's level asks for, while the page or the
 * room is out of sight. They say nothing that the page doesn't.
 */

// Of a text, this much is shown; systems cut it off anyway.
const SHOWN_CHARACTERS = 200;

export class Notifications {
  #on;

  /** @param on `{isInSight(room), nameOf(username), labelOf(room), open(name)}` */
  constructor(on) {
    this.#on = on;
  }

  get areOn() {
    return "Notification" in globalThis && Notification.permission === "granted";
  }

  /** Ask the user, which must follow a click; resolves to whether they are on. */
  async ask() {
    if (!("Notification" in globalThis)) return false;
    return (await Notification.requestPermission()) === "granted";
  }

  /** A message, or with `text` null only that there are some. */
  notify(room, { by, text, mentions, seq }) {
    const wanted = room.level === "all" || (room.level === "mentions" && mentions);
    if (!wanted || !this.areOn || this.#on.isInSight(room)) return;
    const label = this.#on.labelOf(room);
    const title = by === null || room.kind === "direct" ? label : `${this.#on.nameOf(by)} in ${label}`;
    // One per room: a new one replaces the one before.
    const shown = new Notification(title, { body: (text ?? "New messages").slice(0, SHOWN_CHARACTERS), tag: room.name });
    shown.addEventListener("click", () => {
      window.focus();
      this.#on.open(room.name, seq);
      shown.close();
    });
  }
}
