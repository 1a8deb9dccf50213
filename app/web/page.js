/**
 * The page of a logged-in user: connects its parts with the chat behind them.
 */

import { Composer } from "./compose/composer.js";
import { ConnectionBanner } from "./connection_banner.js";
import { HistoryLoader } from "./history_loader.js";
import { byId } from "./dom.js";
import { whenLoaded } from "./http.js";
import { MessageList } from "./list/message_list.js";
import { MessageActions } from "./message_actions.js";
import { Dialogs } from "./dialogs.js";
import { Notifications } from "./notifications.js";
import { SidePane } from "./panes/side_pane.js";
import { installShortcuts } from "./shortcuts.js";
import { Sidebar } from "./sidebar.js";
import { View, WIDE } from "./view.js";

// Items that the room on display keeps in memory while its end is in view.
const KEPT_ITEMS = 1_000;

// Completed like a name.
const EVERYONE = { user: "all", display_name: "Everyone in the room" };

export class Page {
  #api;
  #chat;
  #drafts;
  #redraw;
  #navigation;
  #history;
  #view;
  #banner;
  #sidebar;
  #dialogs;
  #notifications;
  #side;
  #messages;
  #actions;
  #composer;
  // Whether the composer gets the focus once it is there: joining takes a moment.
  #focusPending = false;
  // A seq to bring into view once the room is there.
  #jumpPending = null;

  /** @param chat () → the `Chat`, or null while nobody is logged in. */
  constructor({ api, chat, drafts, navigation, redraw, logOut }) {
    this.#api = api;
    this.#chat = chat;
    this.#drafts = drafts;
    this.#redraw = redraw;
    this.#navigation = navigation;
    this.#history = new HistoryLoader(api);
    this.#banner = new ConnectionBanner(() => chat()?.reconnect());
    this.#sidebar = new Sidebar((name) => this.#reopen(name));
    this.#notifications = new Notifications({
      isInSight: (room) => document.hasFocus() && room === chat()?.current && this.#messages.atEnd,
      nameOf: (username) => chat().people.nameOf(username),
      labelOf: (room) => this.#labelOf(room),
      open: (name, seq) => navigation.open(name, seq),
    });
    this.#dialogs = this.#newDialogs(logOut);
    this.#view = new View({
      logOut, join: () => this.#join(), newRoom: () => this.#dialogs.newRoom(),
      settings: () => this.#dialogs.settings(), openSwitcher: () => this.#dialogs.switcher(),
    });
    this.#side = this.#sidePane();
    this.#actions = new MessageActions({ api, chat, on: {
      reply: (item) => this.#composer.reply(this.#described(item)),
      edit: (item) => this.#composer.edit(this.#described(item)),
      pickEmoji: (anchor, onPick) => this.#dialogs.emoji(anchor, onPick),
      notice: (sentence) => this.notice(sentence),
      attempt: (work) => this.attempt(work),
    } });
    this.#messages = this.#messageList();
    this.#composer = this.#newComposer();
    this.#installControls();
  }

  open(me) {
    this.#view.showChat(me);
    this.#side.close();
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
  async attempt(work, { quietOffline = false } = {}) {
    try {
      await work();
      return true;
    } catch ({ message, status }) {
      if (!quietOffline || status !== 0) this.notice(message);
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

  /** There is a new message of somebody else. */
  onMessage(room, message) {
    this.#notifications.notify(room, message);
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
    this.#side.draw(there && room.cursor !== null ? room : null, chat);
    if (!there) return;
    // Their names are shown beside what they write.
    if (room.cursor !== null) chat.people.membersOf(room);
    if (this.#messages.atEnd) room.history.trim(KEPT_ITEMS);
    else if (this.#messages.firstShown !== null) room.history.bound(this.#messages.firstShown);
    this.#messages.show(room, { unsent: chat.unsent(room), me: chat.me, nameOf });
    this.#finishOpening(room, writes);
    this.#markRead();
  }

  // Internal

  #messageList() {
    const chat = this.#chat;
    const load = (work) => this.attempt(work);
    // Not asked for by the user: that the server can't be reached, the banner says.
    const loadMore = (work) => this.attempt(work, { quietOffline: true });
    return new MessageList({
      loadOlder: (room) => loadMore(() => this.#history.older(room)),
      loadNewer: (room) => loadMore(() => this.#history.newer(room)),
      loadAround: (room, seq) => load(() => this.#history.around(room, seq)),
      showLive: (room) => room.history.showLive(),
      onReadToEnd: () => this.#markRead(),
      resend: (id, action) => chat().resend(id, action),
      react: (item, emoji) => this.#actions.react(item, emoji),
      pickReaction: (item, anchor) => this.#actions.pickReaction(item, anchor),
      actionsOf: (item) => this.#actions.of(item),
      openMenu: (actions, anchor) => load(async () => (await whenLoaded(import("./menu.js"))).openMenu(actions, anchor)),
      openProfile: (username) => this.#dialogs.profile(username),
      pickDate: () => this.#dialogs.date(),
      addPeople: () => this.#side.open("people"),
      editRoom: () => this.#dialogs.room(),
    });
  }

  #newDialogs(logOut) {
    return new Dialogs({ api: this.#api, chat: this.#chat, on: {
      attempt: (work) => this.attempt(work),
      notice: (sentence) => this.notice(sentence),
      logOut,
      navigation: this.#navigation,
      notifications: this.#notifications,
      jumpTo: (seq) => this.#messages.jumpTo(seq),
      firstSince: (time) => this.#history.firstSince(this.#chat().current, time),
    } });
  }

  #sidePane() {
    const on = {
      attempt: (work) => this.attempt(work),
      openProfile: (username) => this.#dialogs.profile(username),
      open: (name, seq) => this.#openHit(name, seq),
    };
    return new SidePane({
      load: async () => {
        const { newPanes } = await whenLoaded(import("./panes/panes.js"));
        return newPanes({ api: this.#api, chat: this.#chat, on });
      },
      attempt: on.attempt,
      redraw: this.#redraw,
    });
  }

  #installControls() {
    byId("room-menu").addEventListener("click", ({ currentTarget }) => this.#openRoomMenu(currentTarget));
    const loggedIn = (work) => () => this.#chat() !== null && work();
    installShortcuts({
      openSwitcher: loggedIn(() => this.#dialogs.switcher()),
      search: loggedIn(() => this.#side.open("search")),
      step: (by) => loggedIn(() => this.#navigation.step(by))(),
      nextUnread: loggedIn(() => this.#navigation.nextUnread()),
      help: () => this.#dialogs.shortcuts(),
    });
  }

  #openRoomMenu(anchor) {
    return this.attempt(async () => {
      const { openRoomMenu } = await whenLoaded(import("./room_menu.js"));
      openRoomMenu(this.#chat().current, anchor, {
        settings: () => this.#dialogs.room(),
        date: () => this.#dialogs.date(),
        setLevel: (room, level) => this.attempt(() => this.#dialogs.setLevel(room, level)),
        leave: () => this.attempt(() => this.#chat().leave()),
        shortcuts: () => this.#dialogs.shortcuts(),
      });
    });
  }

  // On a phone the pane covers the message that it leads to.
  #openHit(name, seq) {
    if (!WIDE.matches) this.#side.close();
    if (this.#chat().current?.name === name) this.#messages.jumpTo(seq);
  }

  #newComposer() {
    const chat = this.#chat;
    return new Composer({
      send: (text, replyTo) => this.#send(text, replyTo),
      saveEdit: (seq, text) => this.#actions.edit(chat().current, seq, text),
      editLast: () => this.#editLast(),
      typing: (on) => chat().typing(on),
      notice: (sentence) => this.notice(sentence),
      pickEmoji: (anchor, onPick) => this.#dialogs.emoji(anchor, onPick),
      people: (room) => (room === null ? [] : chat().people.membersOf(room).concat(room.maySayAll ? EVERYONE : [])),
    });
  }

  /** Whether it is kept now, to be sent. */
  #send(text, replyTo) {
    try {
      this.#chat().send(text, replyTo);
      return true;
    } catch ({ message }) {
      this.notice(message);
      return false;
    }
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
}
