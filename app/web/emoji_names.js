/**
 * The emoji that there are, with their names: loaded once, when they are needed.
 */

const LIST = new URL("emoji.json", import.meta.url);

// Results of a search: more is not looked at.
const FOUND = 64;

let loading = null;

/** The groups, in order: `{name, emoji: [[character, name], …]}`. */
export async function emojiGroups() {
  loading ??= fetch(LIST, { credentials: "omit" }).then((answer) => answer.json());
  try {
    return await loading;
  } catch {
    loading = null;
    return [];
  }
}

/** Emoji by parts of their names, those that begin with the query first. */
export async function searchEmoji(query, limit = FOUND) {
  const words = query.toLowerCase().split(/[\s_:]+/).filter(Boolean);
  const all = (await emojiGroups()).flatMap(({ emoji }) => emoji);
  const hits = all.filter(([, name]) => words.every((word) => name.includes(word)));
  const starts = ([, name]) => (name.startsWith(words[0]) ? 0 : 1);
  return hits.sort((a, b) => starts(a) - starts(b) || a[1].length - b[1].length).slice(0, limit);
}
