/**
 * From the items of a room to the rows of its list: days, the line above what
 * is new, and which messages continue the one above them.
 */

import { dayKey, dayLabel } from "../format.js";
import { dayRow, messageRow, newLine, noticeRow } from "./row.js";

// Consecutive messages of one author within this time share one heading.
const GROUP_MS = 5 * 60_000;

/**
 * Entries for `reconcile`.
 *
 * @param before the item above the first one, or null.
 * @param divider messages of others after this seq are new; null: none are.
 */
export function entriesOf(items, { before, divider, room, me, nameOf, on }) {
  const entries = [];
  let previous = before;
  let divided = divider === null || items.length === 0 || isNew(before, divider, me);
  for (const item of items) {
    if (previous === null || dayKey(previous.at) !== dayKey(item.at)) {
      const version = dayLabel(item.at, Date.now());
      entries.push({ key: `day ${dayKey(item.at)}`, version, build: () => dayRow(item.at, on.pickDate) });
      previous = null;
    }
    if (!divided && isNew(item, divider, me)) {
      divided = true;
      previous = null;
      entries.push({ key: "new", version: "", build: newLine });
    }
    entries.push(entryOf(item, inSameGroup(previous, item), { room, me, nameOf, on }));
    previous = item;
  }
  return entries;
}

function isNew(item, divider, me) {
  return item !== null && item.kind === "message" && item.seq > divider && item.by !== me && item.text !== null;
}

function entryOf(item, follows, { room, me, nameOf, on }) {
  if (item.kind === "notice") {
    const version = [nameOf(item.by), nameOf(item.user)];
    return { key: `seq ${item.seq}`, version, build: () => noticeRow(item, me, nameOf) };
  }
  const quoted = item.replyTo ? room.get(item.replyTo) : null;
  return {
    // A message keeps its key, and so its place, when it is acknowledged.
    key: item.id ? `id ${item.by} ${item.id}` : `seq ${item.seq}`,
    version: [
      item.seq, item.text, item.editedAt, item.pinned, item.reactions, item.state, item.error,
      follows, quoted?.text, nameOf(item.by), quoted && nameOf(quoted.by),
    ],
    build: () => messageRow(item, { follows, quoted, me, nameOf, on }),
  };
}

function inSameGroup(previous, item) {
  return previous !== null && previous.kind !== "notice" && item.kind !== "notice"
    && previous.by === item.by && !item.replyTo
    && new Date(item.at) - new Date(previous.at) < GROUP_MS;
}
