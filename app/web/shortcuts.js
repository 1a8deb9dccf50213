/**
 * Keyboard shortcuts of the whole page, and the list of all there are.
 * Keys without Ctrl or Alt work only where they can't be text (WCAG 2.1.4).
 */

import { openDialog } from "./dialog.js";
import { make } from "./dom.js";

const HELP = [
  ["Go to a room or person", "Ctrl K"],
  ["Search messages", "Ctrl Shift F"],
  ["Previous, next room", "Alt ↑ ↓"],
  ["Next unread room", "Alt Shift ↓"],
  ["These shortcuts", "Ctrl /"],
  ["Write: send, new line", "Enter, Shift Enter"],
  ["Edit your last message", "↑"],
  ["Cancel a reply or an edit, close", "Esc"],
  ["Complete a name, an emoji", "@, :"],
  ["Messages: previous, next", "↑ ↓"],
  ["React, reply, edit, pin", "+ R E P"],
  ["Copy text, copy link, delete", "C L Del"],
];

/** @param on `{openSwitcher(), search(), step(by), nextUnread()}` */
export function installShortcuts(on) {
  addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") !== null) return;
    const run = actionOf(event, on);
    if (run === null) return;
    event.preventDefault();
    run();
  });
}

export function openShortcuts() {
  const { body } = openDialog("Keyboard shortcuts");
  const list = make("div", "shortcuts");
  for (const [what, keys] of HELP) {
    list.append(make("span", "", what), make("span", "row", ...keys.split(" ").map((key) => make("kbd", "", key))));
  }
  body.append(list);
}

function actionOf(event, on) {
  const command = event.ctrlKey || event.metaKey;
  const key = event.key.toLowerCase();
  if (command && !event.altKey && !event.shiftKey && key === "k") return on.openSwitcher;
  if (command && !event.altKey && event.shiftKey && key === "f") return on.search;
  if (command && !event.altKey && key === "/") return openShortcuts;
  if (!command && event.altKey && key === "arrowup") return () => on.step(-1);
  if (!command && event.altKey && key === "arrowdown") return event.shiftKey ? on.nextUnread : () => on.step(1);
  return null;
}
