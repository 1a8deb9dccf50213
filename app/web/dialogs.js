/**
 * Opens the dialogs. Their code is loaded when it is first needed.
 */

import { path, whenLoaded } from "./http.js";

export class Dialogs {
  #api;
  #chat;
  #on;

  /**
   * @param chat () → the `Chat`, or null.
   * @param on `{attempt(work), notice(sentence), logOut(), navigation, notifications, jumpTo(seq), firstSince(time)}`
   */
  constructor({ api, chat, on }) {
    this.#api = api;
    this.#chat = chat;
    this.#on = on;
  }

  newRoom() {
    return this.#load(() => import("./new_room_dialog.js"), ({ openNewRoomDialog }) => openNewRoomDialog(async (request) => {
      const summary = request.kind === "direct"
        ? await this.#api.directRoom(request.name)
        : await this.#api.createRoom(request);
      this.#chat().addRoom(summary);
      this.#on.navigation.open(summary.name);
    }));
  }

  /** Choose an emoji, beside an element. */
  emoji(anchor, onPick) {
    return this.#load(() => import("./emoji_picker.js"), ({ openEmojiPicker }) => openEmojiPicker(anchor, onPick));
  }

  profile(username) {
    return this.#load(() => import("./profile_dialog.js"), ({ openProfile }) => openProfile(username, {
      api: this.#api,
      chat: this.#chat(),
      on: { attempt: this.#on.attempt, openDirect: (name) => this.#on.navigation.openDirect(name), editProfile: () => this.settings() },
    }));
  }

  settings() {
    const { notifications } = this.#on;
    return this.#load(() => import("./settings_dialog.js"), ({ openSettings }) => openSettings({
      api: this.#api,
      me: this.#chat().me,
      on: {
        ...this.#on,
        named: (user) => this.#chat().people.learn([user]),
        canNotify: () => notifications.areOn,
        askToNotify: () => notifications.ask(),
      },
    }));
  }

  room() {
    const chat = this.#chat();
    return this.#load(() => import("./room_dialog.js"), ({ openRoomDialog }) => openRoomDialog(chat.current, {
      api: this.#api,
      on: { ...this.#on, changed: (summary) => chat.addRoom(summary), setLevel: (room, level) => this.setLevel(room, level) },
    }));
  }

  /** Choose what a room notifies of, on all of the user's devices. */
  async setLevel(room, level) {
    await this.#api.put(path`rooms/${room.name}/notifications`, { level });
    room.level = level;
  }

  switcher() {
    const chat = this.#chat();
    return this.#load(() => import("./switcher.js"), ({ openSwitcher }) => openSwitcher({
      rooms: () => chat.rooms.values(),
      nameOf: (username) => chat.people.nameOf(username),
      findUsers: async (q) => (await this.#api.get("users", { q, limit: 8 })).users,
      open: (name) => this.#on.navigation.open(name),
      openDirect: (username) => this.#on.attempt(() => this.#on.navigation.openDirect(username)),
    }));
  }

  date() {
    return this.#load(() => import("./date_dialog.js"), ({ openDateDialog }) => openDateDialog(async (day) => {
      const seq = await this.#on.firstSince(day);
      if (seq === null) throw new Error("There is no message on that day or after it.");
      this.#on.jumpTo(seq);
    }));
  }

  shortcuts() {
    return this.#load(() => import("./shortcuts_dialog.js"), ({ openShortcuts }) => openShortcuts());
  }

  // Internal

  #load(load, open) {
    return this.#on.attempt(async () => open(await whenLoaded(load())));
  }
}
