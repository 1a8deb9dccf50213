/**
 * Words for people: sentences for events, times, days, and texts with links.
 * Pure: what comes out is strings and parts of strings, never markup.
 */

const URL_PATTERN = /\bhttps?:\/\/[^\s<>"]+/gi;

// What ends a sentence rather than an address.
const TRAILING = /[.,:;!?'*_~]+$/;

const LOST = {
  left: "You left this room.",
  removed: "You were removed from this room.",
  banned: "You are banned from this room.",
  archived: "This room was archived.",
};

/** Why a room is no longer heard. */
export function lost(reason) {
  return LOST[reason] ?? LOST.removed;
}

/** What an event of a room's own history says. */
export function sentence(event, me) {
  const who = name(event.by, "You", me);
  const whom = name(event.user, "you", me);
  switch (event.type) {
    case "room.created":
      return event.by ? `${who} opened the room` : "The room was opened";
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
  if (banned !== undefined) return banned === null ? `${who} lifted the ban of ${whom}` : `${who} banned ${whom}`;
  return `${who} changed what ${whom} may do`;
}

function name(username, you, me) {
  if (username === me) return you;
  return username ?? "somebody";
}

/** "alice is typing…" */
export function typingLine(names) {
  if (names.length === 0) return "";
  if (names.length === 1) return `${names[0]} is typing…`;
  if (names.length === 2) return `${names[0]} and ${names[1]} are typing…`;
  return "Several people are typing…";
}

/** A count on a badge: the server counts to 100. */
export function badge(count) {
  return count >= 100 ? "99+" : String(count);
}

/** What a room is called: a direct one by the other, all others by their name. */
export function roomLabel(room) {
  return room.kind === "direct" ? `@${room.with ?? room.name}` : `#${room.name}`;
}

export function clock(at) {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** The local day of a time, as a key that sorts and compares. */
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

/** Cut a text into `{text}` and `{text, href}`; only http and https become links. */
export function parts(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(URL_PATTERN)) {
    const address = trimmed(match[0]);
    if (!URL.canParse(address)) continue;
    found.push({ text: text.slice(end, match.index) }, { text: address, href: new URL(address).href });
    end = match.index + address.length;
  }
  found.push({ text: text.slice(end) });
  return found.filter((part) => part.text !== "");
}

// "(see https://example.org/a)." links neither the dot nor the bracket, but
// "https://example.org/a_(b)" keeps its own.
function trimmed(address) {
  let rest = address.replace(TRAILING, "");
  while (rest.endsWith(")") && !rest.includes("(")) rest = rest.slice(0, -1).replace(TRAILING, "");
  return rest;
}
