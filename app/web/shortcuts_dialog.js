/**
 * The list of all keyboard shortcuts.
 */

import { openDialog } from "./dialog.js";
import { make } from "./dom.js";

// What keys do; a comma is between two shortcuts.
const HELP = [
  ["Go to a room or person", "Ctrl K"],
  ["Search messages", "Ctrl Shift F"],
  ["Previous, next room", "Alt ↑ , ↓"],
  ["Next unread room", "Alt Shift ↓"],
  ["These shortcuts", "Ctrl /"],
  ["Write: send, new line", "Enter , Shift Enter"],
  ["Edit your last message", "↑"],
  ["Cancel a reply or an edit, close", "Esc"],
  ["Complete a name, an emoji", "@ , :"],
  ["Messages: previous, next", "↑ , ↓"],
  ["React, reply, edit, pin", "+ , R , E , P"],
  ["Mark as unread", "U"],
  ["Copy text, copy link, delete", "C , L , Del"],
];

export function openShortcuts() {
  const { body } = openDialog("Keyboard shortcuts");
  const list = make("div", "shortcuts");
  for (const [what, keys] of HELP) {
    const shown = keys.split(" ").map((key) => (key === "," ? make("span", "hint", ",") : make("kbd", "", key)));
    list.append(make("span", "", what), make("span", "row", ...shown));
  }
  body.append(list);
}
