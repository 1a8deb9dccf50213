/** A message in `<parley-chat>`. Elements only. */

import { avatar } from "../avatar.js";
import { make, textButton } from "../dom.js";
import { formatTime } from "../format.js";
import { textElement } from "../list/text.js";

/** @param joined whether it continues the message above it; @param name of its author */
export function messageRow(item, { joined, name, me }) {
  const row = make("li", `message${joined ? " joined" : ""}`);
  row.part = "message";
  row.dataset.seq = item.seq;
  const time = make("time", "", formatTime(item.at));
  time.dateTime = item.at;
  const text = item.text === null ? make("p", "hint", "Message deleted") : textElement(item.text, item.mentions, me);
  const edited = item.editedAt && item.text !== null ? make("span", "hint", "(edited)") : null;
  const reactions = Object.entries(item.reactions).map(([emoji, users]) => make("span", "reaction", `${emoji} ${users.length}`));
  row.append(
    avatar(item.by, name),
    make("div", "body", by(name, time), text, edited, reactions.length ? make("p", "reactions", ...reactions) : null),
  );
  return row;
}

/** A message of the outbox. @param me `{username, name}`; @param resend called with its id, and whether to try again */
export function unsentRow({ id, text, state, error }, me, resend) {
  const failed = state === "failed";
  const line = make("p", failed ? "error" : "hint", failed ? error.detail : "Sending…");
  if (failed) {
    line.append(" ", textButton("Try again", () => resend(id, true)), " ", textButton("Discard", () => resend(id, false)));
  }
  return make("li", "message unsent", avatar(me.username, me.name), make("div", "body", by(me.name), textElement(text, [], me.username), line));
}

function by(name, time = null) {
  return make("p", "by", make("b", "", name), time);
}
