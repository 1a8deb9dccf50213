/**
 * Formatting: sentences for events, times, days, and links in texts.
 * Pure: the results are strings and parts of strings, never markup.
 */

const URL_PATTERN = /\bhttps?:\/\/[^\s<>"]+/gi;

// Characters that end a sentence rather than a URL.
const TRAILING = /[.,:;!?'*_~]+$/;

const REMOVAL_REASONS = {
  left: "You left this room.",
  removed: "You were removed from this room.",
  banned: "You are banned from this room.",
  archived: "This room was archived.",
};

/** Why a room is no longer accessible. */
export function removalReason(reason) {
  return REMOVAL_REASONS[reason] ?? REMOVAL_REASONS.removed;
}

/** The sentence for an event of a room's history. */
export function describeEvent(event, me, nameOf = (username) => username) {
  const who = subject(event.by, "You", me, nameOf);
  const whom = subject(event.user, "you", me, nameOf);
  switch (event.type) {
    case "room.created":
      return event.by ? `${who} created the room` : "The room was created";
    case "room.updated":
      return event.title === undefined
        ? `${who} changed the room's settings`
        : `${who} changed the title to “${event.title ?? ""}”`;
    case "room.archived":
      return `${who} archived the room`;
    case "room.reopened":
      return `${who} reopened the room`;
    case "member.joined":
      return event.by === event.user ? `${who} joined` : `${who} added ${whom}`;
    case "member.left":
      return left(event, who, whom);
    case "member.updated":
      return updated(event, who, whom);
    case "user.erased":
      return event.user === event.as ? "An account was erased" : `${whom} is now ${event.as}: the account was erased`;
    case "message.pinned":
      return `${who} pinned a message`;
    default:
      return "";
  }
}

function left({ by, user, reason }, who, whom) {
  if (reason === "banned") return `${who} banned ${whom}`;
  return by === user ? `${who} left` : `${who} removed ${whom}`;
}

function updated({ role, muted_until: muted, banned_until: banned }, who, whom) {
  if (role) return `${who} made ${whom} ${role === "owner" ? "an" : "a"} ${role}`;
  if (muted !== undefined) return muted === null ? `${who} unmuted ${whom}` : `${who} muted ${whom}`;
  if (banned !== undefined) return banned === null ? `${who} unbanned ${whom}` : `${who} banned ${whom}`;
  return `${who} changed the membership of ${whom}`;
}

function subject(username, you, me, nameOf) {
  if (username === me) return you;
  return username ? nameOf(username) : "someone";
}

/** "alice is typing…" */
export function typingLine(names) {
  if (names.length === 0) return "";
  if (names.length === 1) return `${names[0]} is typing…`;
  if (names.length === 2) return `${names[0]} and ${names[1]} are typing…`;
  return "Several people are typing…";
}

/** An unread count; the server's counts are capped at 100. */
export function formatCount(count) {
  return count >= 100 ? "99+" : String(count);
}

/** What a room is called: a direct room is named after the other user. */
export function roomLabel(room, nameOf = (username) => username) {
  if (room.kind !== "direct") return `#${room.name}`;
  const username = room.with ?? room.name;
  const name = nameOf(username);
  return name === username ? `@${username}` : name;
}

/** The time of day: "4:25 PM" or "16:25", as the user's locale has it. */
export function formatTime(at, locales = []) {
  return timeFormat(locales).format(new Date(at));
}

/** The same without the half of the day, for where there is no room: "4:25". */
export function formatShortTime(at, locales = []) {
  const parts = timeFormat(locales).formatToParts(new Date(at));
  return parts.filter(({ type }) => type !== "dayPeriod").map(({ value }) => value).join("").trim();
}

function timeFormat(locales) {
  return new Intl.DateTimeFormat(locales, { timeStyle: "short" });
}

/** The local day of a time, as a sortable key. */
export function dayKey(at) {
  const date = new Date(at);
  const two = (number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export function dayLabel(at, now) {
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  if (dayKey(at) === dayKey(now)) return "Today";
  if (dayKey(at) === dayKey(yesterday)) return "Yesterday";
  return new Date(at).toLocaleDateString([], {
    weekday: "long", day: "numeric", month: "long", year: "numeric",
  });
}

/** Split a text into `{text}` and `{text, href}`; only http and https URLs become links. */
export function splitLinks(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(URL_PATTERN)) {
    const address = trimUrl(match[0]);
    if (!URL.canParse(address)) continue;
    found.push({ text: text.slice(end, match.index) }, { text: address, href: new URL(address).href });
    end = match.index + address.length;
  }
  found.push({ text: text.slice(end) });
  return found.filter((part) => part.text !== "");
}

// In "(see https://example.org/a)." neither the dot nor the bracket belongs to
// the URL, but "https://example.org/a_(b)" keeps its own bracket.
function trimUrl(address) {
  let rest = address.replace(TRAILING, "");
  while (rest.endsWith(")") && !rest.includes("(")) rest = rest.slice(0, -1).replace(TRAILING, "");
  return rest;
}
