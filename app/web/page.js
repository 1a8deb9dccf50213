/**
 * The page of a logged-in user: connects its parts with the chat behind them.
 */

import { Composer } from "./compose/composer.js";
import { ConnectionBanner } from "./connection_banner.js";
import { openEmojiPicker } from "./emoji_picker.js";
import { HistoryLoader } from "./history_loader.js";
import { path } from "./http.js";
import { MessageList } from "./list/message_list.js";
import { openMenu } from "./menu.js";
import { MessageActions } from "./message_actions.js";
import { openNewRoomDialog } from "./new_room_dialog.js";
import { PeoplePane } from "./panes/people_pane.js";
import { Sidebar } from "./sidebar.js";
import { View, WIDE } from "./view.js";

// Items that the room on display keeps in memory while its end is in view.
const KEPT_ITEMS = 1_000;

export class Page {
  #api;
  #chat;
  #drafts;
  #redraw;
  #history;
  #view;
  #banner;
  #sidebar;
  #people;
  #messages;
  #actions;
  #composer;
  // Whether the composer gets the focus once it is there: joining takes a moment.
  #focusPending = false;
  // A seq to bring into view once the room is there.
  #jumpPending = null;

  /** @param chat () → the `Chat`, or null while nobody is logged in. */
  constructor({ api, chat, drafts, redraw, logOut }) {
    this.#api = api;
    this.#chat = chat;
    this.#drafts = drafts;
    this.#redraw = redraw;
    this.#history = new HistoryLoader(api);
    this.#banner = new ConnectionBanner(() => chat()?.reconnect());
    this.#sidebar = new Sidebar((name) => this.#reopen(name));
    this.#view = new View({
      logOut, join: () => this.#join(), newRoom: () => this.#newRoom(), openSwitcher: () => this.#newRoom(),
    });
    this.#people = new PeoplePane({
      addMember: (username) => this.#api.put(path`rooms/${chat().current.name}/members/${username}`),
      leave: () => this.attempt(() => chat().leave()),
      attempt: (work) => this.attempt(work),
    });
    this.#actions = new MessageActions({ api, chat, on: {
      reply: (item) => this.#composer.reply(this.#described(item)),
      edit: (item) => this.#composer.edit(this.#described(item)),
      pickEmoji: openEmojiPicker,
      notice: (sentence) => this.notice(sentence),
      attempt: (work) => this.attempt(work),
    } });
    this.#messages = this.#messageList();
    this.#composer = this.#newComposer();
  }

  open(me) {
    this.#view.showChat(me);
    this.#people.open(false);
  }

  close() {
    this.#messages.clear();
    this.#composer.show(null);
    this.#banner.clear();
    this.#view.hideChat();
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  }

  notice(sentence) {
    this.#view.notice(sentence);
  }

  /** Do something that can fail, and say so; returns whether it succeeded. */
  async attempt(work) {
    try {
      await work();
      return true;
    } catch ({ message }) {
      this.notice(message);
      return false;
    }
  }

  // On a phone, focus would open the keyboard.
  focusComposer() {
    this.#focusPending = WIDE.matches;
  }

  jumpTo(seq) {
    this.#jumpPending = seq;
    this.#redraw();
  }

  /** The page has come into sight again. */
  onVisible() {
    this.#messages.markNew();
  }

  draw() {
    const chat = this.#chat();
    const { current: room } = chat;
    const nameOf = (username) => chat.people.nameOf(username);
    this.#view.draw({ rooms: chat.rooms, current: room, nameOf });
    this.#sidebar.draw({ rooms: chat.rooms, current: room, nameOf, hasDraft: (name) => this.#drafts.get(name) !== "" });
    this.#banner.draw(chat.connection);
    const there = room !== null && room.refused === null;
    const writes = there && room.member && !room.archived;
    this.#composer.show(writes ? room : null, writes ? `Message ${this.#labelOf(room)}` : "");
    this.#people.draw(there ? room : null, chat);
    if (!there) return;
    if (this.#messages.atEnd) room.history.trim(KEPT_ITEMS);
    this.#messages.show(room, { unsent: chat.unsent(room), me: chat.me, nameOf });
    this.#finishOpening(room, writes);
    this.#markRead();
  }

  // Internal

  #messageList() {
    const chat = this.#chat;
    const load = (work) => this.attempt(work);
    return new MessageList({
      loadOlder: (room) => load(() => this.#history.older(room)),
      loadNewer: (room) => load(() => this.#history.newer(room)),
      loadAround: (room, seq) => load(() => this.#history.around(room, seq)),
      showLive: (room) => room.history.showLive(),
      onReadToEnd: () => this.#markRead(),
      resend: (id, action) => chat().resend(id, action),
      react: (item, emoji) => this.#actions.react(item, emoji),
      pickReaction: (item, anchor) => this.#actions.pickReaction(item, anchor),
      actionsOf: (item) => this.#actions.of(item),
      openMenu,
      openProfile: () => {},
      pickDate: () => {},
      addPeople: () => this.#people.open(true),
      editRoom: () => {},
    });
  }

  #newComposer() {
    const chat = this.#chat;
    return new Composer({
      send: (text, replyTo) => chat().send(text, replyTo),
      saveEdit: (seq, text) => this.#actions.edit(chat().current, seq, text),
      editLast: () => this.#editLast(),
      typing: (on) => chat().typing(on),
      notice: (sentence) => this.notice(sentence),
      pickEmoji: openEmojiPicker,
      people: (room) => (room === null ? [] : chat().people.membersOf(room)),
    });
  }

  #finishOpening(room, writes) {
    if (this.#focusPending && writes) {
      this.#focusPending = false;
      this.#composer.focus();
    }
    if (this.#jumpPending !== null && room.cursor !== null) {
      const seq = this.#jumpPending;
      this.#jumpPending = null;
      this.#messages.jumpTo(seq);
    }
  }

  #markRead() {
    if (!document.hidden && this.#messages.atEnd) this.#chat()?.markRead();
  }

  #described({ seq, by, text }) {
    return { seq, text, name: this.#chat().people.nameOf(by) };
  }

  #editLast() {
    const chat = this.#chat();
    const last = chat.current.history.live.messages().findLast(({ by, text }) => by === chat.me && text !== null);
    if (last) this.#composer.edit(this.#described(last));
  }

  #labelOf(room) {
    return room.kind === "direct" ? this.#chat().people.nameOf(room.with) : `#${room.name}`;
  }

  // Rooms

  // A click on the current room: the address doesn't change, but the room may have to be joined again.
  #reopen(name) {
    if (this.#chat().current?.name === name) this.#chat().open(name);
  }

  #join() {
    this.focusComposer();
    this.#chat().join();
  }

  #newRoom() {
    openNewRoomDialog(async (request) => {
      const summary = request.kind === "direct"
        ? await this.#api.directRoom(request.name)
        : await this.#api.createRoom(request);
      this.#chat().addRoom(summary);
      location.hash = summary.name;
    });
  }
}
