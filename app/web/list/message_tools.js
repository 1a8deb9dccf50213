/**
 * Actions on a message: a toolbar on hover and on focus, a menu on long press,
 * and keys while a message has the focus. There is one toolbar, which moves.
 */

import { iconButton, make } from "../dom.js";

// A finger that rests this long on a message, without moving, opens its menu.
const LONG_PRESS_MS = 450;

const ROW = "li.message[data-seq]";

export class MessageTools {
  #log;
  #bar = null;
  #pressTimer = null;
  // The row that was pressed long enough; its menu opens when the finger leaves.
  #pressed = null;
  #on;

  /** @param on `{itemAt(seq), actionsOf(item), openMenu(actions, anchor)}` */
  constructor(log, on) {
    this.#log = log;
    this.#on = on;
    log.addEventListener("pointerover", ({ target, pointerType }) => {
      if (pointerType === "mouse") this.#showOn(target.closest(ROW));
    });
    log.addEventListener("pointerleave", () => {
      if (!this.#bar?.contains(document.activeElement)) this.close();
    });
    log.addEventListener("focusin", ({ target }) => this.#showOn(target.closest(ROW)));
    log.addEventListener("keydown", (event) => this.#onKey(event));
    log.addEventListener("pointerdown", (event) => this.#onPress(event));
    // Browsers that recognise a long press themselves end it with a pointercancel.
    for (const type of ["pointerup", "pointercancel"]) log.addEventListener(type, () => this.#onRelease());
    for (const type of ["pointermove", "scroll"]) {
      log.addEventListener(type, () => this.#endPress(), { passive: true });
    }
    // A phone's own menu would come over ours.
    log.addEventListener("contextmenu", (event) => {
      if (this.#pressed !== null) event.preventDefault();
    });
  }

  close() {
    this.#bar?.remove();
    this.#bar = null;
  }

  focusLast() {
    [...this.#log.querySelectorAll(ROW)].at(-1)?.focus();
  }

  /** Where the focus is in the list, before rows are replaced. */
  takeFocus() {
    const row = document.activeElement.closest?.(ROW);
    if (!row || !this.#log.contains(row)) return null;
    const buttons = [...row.querySelectorAll("button")];
    return { row, seq: row.dataset.seq, button: buttons.indexOf(document.activeElement) };
  }

  /** The row with the focus, or the pointer, was replaced: give its successor both. */
  restoreFocus(focus) {
    if (this.#bar !== null && !this.#bar.isConnected) {
      const row = this.#rowOf(this.#bar.dataset.of);
      this.close();
      this.#showOn(row);
    }
    if (focus === null || focus.row.isConnected) return;
    const row = this.#rowOf(focus.seq);
    (row?.querySelectorAll("button")[focus.button] ?? row)?.focus({ preventScroll: true });
  }

  // Internal

  #showOn(row) {
    if (row === null || row === this.#bar?.parentElement) return;
    this.close();
    const item = this.#on.itemAt(Number(row.dataset.seq));
    const actions = item ? this.#on.actionsOf(item) : [];
    if (actions.length === 0) return;
    this.#bar = make("div", "message-tools");
    this.#bar.setAttribute("role", "toolbar");
    this.#bar.setAttribute("aria-label", "Message actions");
    this.#bar.dataset.of = row.dataset.seq;
    for (const action of actions.filter(({ direct }) => direct)) {
      const button = iconButton(action.icon, action.label, () => action.run(button));
      this.#bar.append(button);
    }
    const more = iconButton("more", "More actions", () => this.#on.openMenu(actions, more));
    more.setAttribute("aria-haspopup", "menu");
    this.#bar.append(more);
    row.append(this.#bar);
  }

  #onPress({ pointerType, target }) {
    this.#endPress();
    const row = target.closest(ROW);
    if (pointerType === "mouse" || row === null || target.closest("a, button, pre")) return;
    this.#pressTimer = setTimeout(() => {
      this.#pressed = row;
      row.classList.add("pressed");
    }, LONG_PRESS_MS);
  }

  #onRelease() {
    const row = this.#pressed;
    this.#endPress();
    const item = row && this.#on.itemAt(Number(row.dataset.seq));
    // After this event: it would close the menu again.
    if (item) setTimeout(() => this.#on.openMenu(this.#on.actionsOf(item), row));
  }

  #endPress() {
    clearTimeout(this.#pressTimer);
    this.#pressed?.classList.remove("pressed");
    this.#pressed = null;
  }

  #onKey(event) {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const row = target.closest(ROW);
    if (key === "ArrowUp" || key === "ArrowDown") {
      if (target !== row && target !== this.#log) return;
      event.preventDefault();
      this.#move(row, key === "ArrowUp" ? -1 : 1);
    } else if (row !== null && target === row) {
      const item = this.#on.itemAt(Number(row.dataset.seq));
      const action = item && this.#on.actionsOf(item).find((one) => one.key === key);
      if (!action) return;
      event.preventDefault();
      action.run(row);
    }
  }

  #move(row, step) {
    const rows = [...this.#log.querySelectorAll(ROW)];
    const next = row === null ? rows.at(-1) : rows[rows.indexOf(row) + step];
    next?.focus();
  }

  #rowOf(seq) {
    return this.#log.querySelector(`${ROW}[data-seq="${seq}"]`);
  }
}
