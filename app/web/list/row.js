/**
 * The rows of the message list: messages, notices, days. Elements only; what a
 * click does is decided by `on`.
 */

import { avatar } from "../avatar.js";
import { icon, make, textButton } from "../dom.js";
import { dayLabel, describeEvent, formatShortTime, formatTime } from "../format.js";
import { plainText } from "../markdown.js";
import { textElement } from "./text.js";

// A quoted text is cut off by the style; this keeps it from being megabytes.
const QUOTE_CHARACTERS = 200;

export function dayRow(at, onClick) {
  const button = textButton(dayLabel(at, Date.now()), onClick);
  button.title = "Jump to a date";
  return make("li", "day", button);
}

export function newLine() {
  return make("li", "new-line", "New");
}

export function noticeRow(item, me, nameOf) {
  const element = make("li", "event", make("bdi", "", describeEvent(item, me, nameOf)), " ", timeElement(item.at));
  element.dataset.seq = item.seq;
  return element;
}

/**
 * @param item a message or an unsent one.
 * @param follows whether it continues the message above it.
 * @param quoted what it replies to, or null if that is not held here.
 * @param on `{openProfile(user), openMessage(seq), react(item, emoji), pickReaction(item, button), resend(id, {again})}`
 */
export function messageRow(item, { follows, quoted, me, nameOf, on }) {
  const name = nameOf(item.by ?? "system");
  const content = make(
    "div", "content",
    item.replyTo ? quoteElement(item.replyTo, quoted, nameOf, on) : null,
    follows ? make("span", "visually-hidden", `${name}: `) : heading(item, name, on),
    textOf(item, me),
    marks(item),
    reactions(item, me, nameOf, on),
    item.kind === "unsent" ? progress(item, on) : null,
  );
  const element = make("li", classesOf(item, follows, me), follows ? sideTime(item.at) : avatar(item.by, name), content);
  if (item.seq !== undefined) element.dataset.seq = item.seq;
  element.tabIndex = -1;
  return element;
}

function classesOf(item, follows, me) {
  return [
    "message",
    follows && "follows",
    item.by === me && "own",
    item.kind === "unsent" && "unsent",
    item.by !== me && (item.mentions?.includes(me) || item.mentionsRoom) && "mentions-me",
  ].filter(Boolean).join(" ");
}

function heading({ by, at }, name, on) {
  const author = textButton("", () => on.openProfile(by), "author");
  author.append(make("bdi", "", name));
  if (by === null) author.disabled = true;
  else if (name !== by) author.title = `@${by}`;
  return make("div", "heading", author, timeElement(at));
}

function sideTime(at) {
  const element = timeElement(at);
  element.textContent = formatShortTime(at);
  element.classList.add("side-time");
  return element;
}

export function timeElement(at) {
  const element = make("time", "", formatTime(at));
  element.dateTime = at;
  element.title = new Date(at).toLocaleString();
  return element;
}

function textOf({ text, mentions = [], mentionsRoom }, me) {
  const names = mentionsRoom ? [...mentions, mentionsRoom] : mentions;
  return text === null ? make("p", "text deleted", "This message was deleted.") : textElement(text, names, me);
}

function marks({ editedAt, pinned }) {
  const shown = [pinned && "pinned", editedAt && "edited"].filter(Boolean);
  return shown.length === 0 ? null : make("span", "marks", `(${shown.join(", ")})`);
}

function quoteElement(seq, quoted, nameOf, on) {
  const text = quoted?.kind === "message" ? quotedText(quoted) : "an earlier message";
  const quote = make(
    "a", "quote", icon("reply"),
    quoted?.by ? make("b", "clip", make("bdi", "", nameOf(quoted.by))) : null,
    make("span", "clip", text),
  );
  quote.href = "#";
  quote.addEventListener("click", (event) => {
    event.preventDefault();
    on.openMessage(seq);
  });
  return quote;
}

function quotedText({ text }) {
  return text === null ? "deleted message" : plainText(text.slice(0, QUOTE_CHARACTERS));
}

function reactions(item, me, nameOf, on) {
  const all = Object.entries(item.reactions ?? {}).filter(([, names]) => names.length > 0);
  if (all.length === 0) return null;
  const group = make("div", "reactions", ...all.map(([emoji, names]) => {
    const chip = textButton(`${emoji} ${names.length}`, () => on.react(item, emoji));
    const who = names.map((name) => (name === me ? "you" : nameOf(name))).join(", ");
    chip.title = who;
    chip.setAttribute("aria-label", `${emoji} ${names.length}: ${who}`);
    chip.setAttribute("aria-pressed", String(names.includes(me)));
    return chip;
  }));
  const more = textButton("", () => on.pickReaction(item, more));
  more.append(icon("react"));
  more.setAttribute("aria-label", "Add a reaction");
  group.append(more);
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "Reactions");
  return group;
}

function progress({ id, state, error }, on) {
  if (state !== "failed") return make("p", "hint", "Sending…");
  return make(
    "p", "failed", make("span", "error", `Not sent. ${error.detail}`),
    textButton("Try again", () => on.resend(id, { again: true })),
    textButton("Remove", () => on.resend(id, { again: false })),
  );
}
