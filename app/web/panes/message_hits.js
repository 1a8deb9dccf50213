/**
 * Messages found elsewhere, as links that lead to them.
 */

import { make } from "../dom.js";
import { dayLabel, formatTime } from "../format.js";

/** @param parts the text, as a list of strings and elements. */
export function hitElement({ room, seq, by, at }, parts, { nameOf, showRoom, open }) {
  const time = make("time", "", `${dayLabel(at, Date.now())}, ${formatTime(at)}`);
  time.dateTime = at;
  const meta = make("span", "meta", make("b", "clip", make("bdi", "", nameOf(by ?? "system"))), showRoom ? make("span", "hint", `#${room}`) : null, time);
  const text = make("span", "", ...parts);
  text.dir = "auto";
  const link = make("a", "hit", meta, text);
  link.href = `#${room}/${seq}`;
  // The address may be that one already.
  link.addEventListener("click", () => open(room, seq));
  return make("li", "", link);
}

/** A snippet of the server, whose matches are in « and », as text and marks. */
export function markedParts(snippet) {
  return snippet.split(/(«[^«»]*»)/).map((part) => (
    part.startsWith("«") && part.endsWith("»") ? make("mark", "", part.slice(1, -1)) : part
  ));
}
