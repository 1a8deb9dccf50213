/**
 * A menu beside the button that opened it; at the bottom of the screen on a phone.
 */

import { icon, make, textButton } from "./dom.js";

/**
 * @param actions list of `{label, icon?, run(anchor), danger?, checked?}`; null is a line between two groups.
 * @param anchor the element to place it at, which gets the focus back.
 */
export function openMenu(actions, anchor) {
  const menu = make("div", "menu");
  menu.popover = "auto";
  menu.setAttribute("role", "menu");
  for (const action of actions) menu.append(action === null ? make("hr") : itemOf(action, menu, anchor));
  menu.addEventListener("keydown", (event) => onKey(event, menu));
  showAt(menu, anchor);
  menu.querySelector("button")?.focus();
}

function itemOf({ label, icon: name, run, danger = false, checked }, menu, anchor) {
  const item = textButton("", () => {
    menu.hidePopover();
    run(anchor);
  }, danger ? "danger-text" : "");
  if (name) item.append(icon(name));
  item.append(label);
  item.setAttribute("role", checked === undefined ? "menuitem" : "menuitemradio");
  if (checked !== undefined) item.setAttribute("aria-checked", String(checked));
  return item;
}

function onKey(event, menu) {
  const items = [...menu.querySelectorAll("button")];
  const index = items.indexOf(document.activeElement);
  const moves = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: -1 };
  if (event.key === "Tab") menu.hidePopover();
  if (moves[event.key] === undefined) return;
  event.preventDefault();
  items.at(moves[event.key] % items.length).focus();
}

/** Show a popover at an element, inside the window; it is removed when it closes. */
export function showAt(popover, anchor) {
  // Inside the same landmark; it is drawn above everything wherever it is.
  (anchor.closest("main, nav, aside, dialog") ?? document.body).append(popover);
  const { activeElement } = document;
  popover.addEventListener("toggle", ({ newState }) => {
    if (newState !== "closed") return;
    const hadFocus = popover.contains(document.activeElement) || document.activeElement === document.body;
    popover.remove();
    if (hadFocus && activeElement?.isConnected) activeElement.focus({ preventScroll: true });
  });
  popover.showPopover();
  const place = anchor.getBoundingClientRect();
  const { width, height } = popover.getBoundingClientRect();
  const below = place.bottom + 4 + height <= innerHeight || place.top < height;
  const top = below ? place.bottom + 4 : place.top - height - 4;
  popover.style.top = `${Math.max(8, Math.min(top, innerHeight - height - 8))}px`;
  // Towards the middle of the window.
  const left = place.left + place.right < innerWidth ? place.left : place.right - width;
  popover.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
}
