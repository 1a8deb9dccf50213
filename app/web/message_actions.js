/**
 * What can be done with a message, and who may: the server decides again.
 */

import { make } from "./dom.js";
import { path, whenLoaded } from "./http.js";
import { timeElement } from "./list/row.js";

export class MessageActions {
  #api;
  #chat;
  #on;

  /**
   * @param chat () → the `Chat`, or null.
   * @param on `{reply(item), edit(item), pickEmoji(anchor, onPick), notice(sentence), attempt(work)}`
   */
  constructor({ api, chat, on }) {
    this.#api = api;
    this.#chat = chat;
    this.#on = on;
  }

  /** The actions on a message: those that are `direct` are in its toolbar, all in its menu. */
  of(item) {
    const { current: room, me } = this.#chat();
    const writes = room.member && !room.archived;
    const there = item.kind === "message" && item.text !== null;
    const own = item.by === me;
    return [
      there && writes && { label: "React", icon: "react", key: "+", direct: true, run: (anchor) => this.pickReaction(item, anchor) },
      there && writes && { label: "Reply", icon: "reply", key: "r", direct: true, run: () => this.#on.reply(item) },
      there && writes && own && { label: "Edit", icon: "edit", key: "e", direct: true, run: () => this.#on.edit(item) },
      there && writes && { label: item.pinned ? "Unpin" : "Pin", icon: "pin", key: "p", run: () => this.#pin(room, item) },
      there && room.member && { label: "Mark as unread", icon: "unread", key: "u", run: () => this.#on.attempt(() => this.#chat().markUnread(item.seq)) },
      { label: "Copy link", icon: "link", key: "l", run: () => this.#copy(this.linkTo(room, item), "Link copied.") },
      there && { label: "Copy text", icon: "copy", key: "c", run: () => this.#copy(item.text, "Text copied.") },
      there && item.editedAt && (own || room.isModerator)
        && { label: "Earlier versions", icon: "history", run: () => this.#showEdits(room, item) },
      there && room.member && (own || room.isModerator)
        && { label: "Delete", icon: "trash", key: "Delete", danger: true, run: () => this.#delete(room, item) },
    ].filter(Boolean);
  }

  /** Add the user's reaction, or take it back. */
  react(item, emoji) {
    const { current: room, me } = this.#chat();
    if (!room.member || room.archived) return;
    const where = path`rooms/${room.name}/messages/${item.seq}/reactions/${emoji}`;
    const on = !(item.reactions[emoji] ?? []).includes(me);
    this.#on.attempt(() => (on ? this.#api.put(where) : this.#api.delete(where)));
  }

  pickReaction(item, anchor) {
    this.#on.pickEmoji(anchor, (emoji) => this.react({ ...item, reactions: {} }, emoji));
  }

  edit(room, seq, text) {
    return this.#on.attempt(() => this.#api.patch(path`rooms/${room.name}/messages/${seq}`, { text }));
  }

  linkTo(room, { seq }) {
    return new URL(`#${room.name}/${seq}`, location.href).href;
  }

  // Internal

  #pin(room, item) {
    const where = path`rooms/${room.name}/messages/${item.seq}/pin`;
    this.#on.attempt(() => (item.pinned ? this.#api.delete(where) : this.#api.put(where)));
  }

  #delete(room, item) {
    return this.#on.attempt(async () => {
      const { confirm } = await whenLoaded(import("./dialog.js"));
      const sure = await confirm("Delete this message?", "Its text is removed for everyone. This can't be undone.", "Delete");
      if (sure) await this.#api.delete(path`rooms/${room.name}/messages/${item.seq}`);
    });
  }

  async #copy(text, done) {
    try {
      await navigator.clipboard.writeText(text);
      this.#on.notice(done);
    } catch {
      // Without https, or without permission.
      this.#on.notice(text);
    }
  }

  #showEdits(room, item) {
    return this.#on.attempt(async () => {
      const edits = await this.#api.list(path`rooms/${room.name}/messages/${item.seq}/edits`, "edits");
      const { openDialog } = await whenLoaded(import("./dialog.js"));
      const { body } = openDialog("Earlier versions");
      const versions = [...edits, { text: item.text, at: item.editedAt }];
      body.append(...versions.map(({ text, at }) => {
        const line = make("p", "text", text);
        line.dir = "auto";
        return make("div", "", timeElement(at), line);
      }));
    });
  }
}
