/**
 * One message as the page stores it, and the changes that events make to it. Pure.
 */

/** A message, from a `message.created` event or a page of history. */
export function toMessage({ seq, at, by, text, id, ...rest }) {
  return {
    kind: "message", seq, at, by, text, id: id ?? null,
    replyTo: rest.reply_to ?? null,
    editedAt: rest.edited_at ?? null,
    pinned: Boolean(rest.pinned),
    mentions: rest.mentions ?? [],
    mentionsRoom: rest.mentions_room ?? null,
    reactions: { ...rest.reactions },
  };
}

/**
 * The fields that an event changes on the message it refers to.
 *
 * Fields are set, never counted up, so applying an event twice is harmless.
 */
export function changesFrom({ type, at, by, text, emoji, mentions, mentions_room: mentionsRoom }, { reactions }) {
  switch (type) {
    case "message.edited":
      return { text, editedAt: at, mentions: mentions ?? [], mentionsRoom: mentionsRoom ?? null };
    case "message.deleted":
      return { text: null, pinned: false, reactions: {} };
    case "message.pinned":
      return { pinned: true };
    case "message.unpinned":
      return { pinned: false };
    case "reaction.added":
      return { reactions: { ...reactions, [emoji]: [...new Set([...(reactions[emoji] ?? []), by])] } };
    case "reaction.removed": {
      const left = (reactions[emoji] ?? []).filter((name) => name !== by);
      const { [emoji]: _, ...others } = reactions;
      return { reactions: left.length ? { ...others, [emoji]: left } : others };
    }
    default:
      return {};
  }
}
