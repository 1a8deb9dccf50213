/**
 * One message as the page holds it, and what events do to it. Pure.
 */

/** A message, from `message.created` or from a page of history. */
export function asMessage({ seq, at, by, text, id, ...rest }) {
  return {
    kind: "message", seq, at, by, text, id: id ?? null,
    replyTo: rest.reply_to ?? null,
    editedAt: rest.edited_at ?? null,
    pinned: Boolean(rest.pinned),
    mentions: rest.mentions ?? [],
    reactions: { ...rest.reactions },
  };
}

/**
 * What an event sets on the message it refers to.
 *
 * It sets and never counts, so that applying one twice or late changes nothing.
 */
export function changedBy({ type, at, by, text, emoji, mentions }, { reactions }) {
  switch (type) {
    case "message.edited":
      return { text, editedAt: at, mentions: mentions ?? [] };
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
