/**
 * The subset of Markdown that messages are written in, as a tree. Pure: the
 * result is data, which `list/text.js` turns into elements.
 *
 * Blocks: `{type: "paragraph" | "quote" | "code" | "bullets" | "numbers"}`, with
 * `children` (inline nodes, blocks for a quote, lists of inline nodes for a
 * list) or `text` (code). Inline: `{type: "text" | "code", text}`,
 * `{type: "strong" | "em" | "del", children}`, `{type: "link", href, children}`
 * and `{type: "mention", text, name}`. What isn't closed stays as it was typed.
 */

import { splitLinks } from "./format.js";

const FENCE = /^ {0,3}```(.*)$/;
const QUOTE = /^ {0,3}> ?/;
const BULLET = /^ {0,3}[-*+] +(?=\S)/;
const NUMBER = /^ {0,3}(\d{1,9})[.)] +(?=\S)/;

// Quotes in quotes beyond this many are shown as text.
const MAX_DEPTH = 5;

/** @param mentions usernames that the server found in the text. */
export function parseMarkdown(text, mentions = []) {
  return blocks(text.split("\n"), { names: new Set(mentions), depth: 0 });
}

/** What a text says, without its marks: for where there is room for a line or two. */
export function plainText(text) {
  return parseMarkdown(text).map(plainBlock).join("\n");
}

function plainBlock({ type, text, children, start = 1 }) {
  if (type === "code") return text;
  if (type === "quote") return children.map(plainBlock).join("\n");
  if (type === "bullets") return children.map((nodes) => `• ${plainInline(nodes)}`).join("\n");
  if (type === "numbers") return children.map((nodes, index) => `${start + index}. ${plainInline(nodes)}`).join("\n");
  return plainInline(children);
}

function plainInline(nodes) {
  return nodes.map(({ text, children }) => text ?? plainInline(children)).join("");
}

// Blocks

function blocks(lines, context) {
  const found = [];
  let rest = lines;
  while (rest.length > 0) {
    const [block, taken] = nextBlock(rest, context);
    if (block !== null) found.push(block);
    rest = rest.slice(taken);
  }
  return found;
}

function nextBlock(lines, context) {
  const [first] = lines;
  if (first.trim() === "") return [null, 1];
  if (FENCE.test(first)) {
    const code = codeBlock(lines);
    if (code !== null) return code;
  }
  if (QUOTE.test(first) && context.depth < MAX_DEPTH) {
    const taken = countWhile(lines, (line) => QUOTE.test(line));
    const inner = lines.slice(0, taken).map((line) => line.replace(QUOTE, ""));
    return [{ type: "quote", children: blocks(inner, { ...context, depth: context.depth + 1 }) }, taken];
  }
  if (BULLET.test(first)) return list(lines, BULLET, "bullets", context);
  if (NUMBER.test(first)) return list(lines, NUMBER, "numbers", context);
  const taken = Math.max(1, countWhile(lines, (line, index) => index === 0 || !startsBlock(line)));
  // Empty lines inside stay as they were typed; those at its end separate it from what follows.
  const text = lines.slice(0, taken).join("\n").trimEnd();
  return [{ type: "paragraph", children: inline(text, context) }, taken];
}

function startsBlock(line) {
  return FENCE.test(line) || QUOTE.test(line) || BULLET.test(line) || NUMBER.test(line);
}

function codeBlock(lines) {
  const end = lines.findIndex((line, index) => index > 0 && /^ {0,3}```\s*$/.test(line));
  if (end === -1) return null;
  return [{ type: "code", text: lines.slice(1, end).join("\n") }, end + 1];
}

function list(lines, marker, type, context) {
  const taken = countWhile(lines, (line) => marker.test(line));
  const children = lines.slice(0, taken).map((line) => inline(line.replace(marker, ""), context));
  const start = type === "numbers" ? Number(NUMBER.exec(lines[0])[1]) : null;
  return [{ type, start, children }, taken];
}

function countWhile(lines, test) {
  const end = lines.findIndex((line, index) => !test(line, index));
  return end === -1 ? lines.length : end;
}

// Inline

// One pattern finds the next thing that may mean something; what follows decides.
const NEXT = /`+|\*\*|~~|\*|_|\[|\bhttps?:\/\/|@/gi;

const DELIMITERS = { "**": "strong", "~~": "del", "*": "em", _: "em" };

function inline(text, outer) {
  const found = [];
  // Delimiters that nothing closes from here on: not looked for again.
  const context = { ...outer, unclosed: new Set() };
  let from = 0;
  NEXT.lastIndex = 0;
  for (let match = NEXT.exec(text); match !== null; match = NEXT.exec(text)) {
    const span = spanAt(text, match, context);
    if (span === null) continue;
    if (match.index > from) found.push({ type: "text", text: text.slice(from, match.index) });
    found.push(span.node);
    from = span.end;
    NEXT.lastIndex = span.end;
  }
  if (from < text.length) found.push({ type: "text", text: text.slice(from) });
  return found;
}

// The pattern has state, and spans contain spans: restore it.
function inner(text, context) {
  const { lastIndex } = NEXT;
  const found = inline(text, context);
  NEXT.lastIndex = lastIndex;
  return found;
}

function spanAt(text, { 0: token, index }, context) {
  if (token.startsWith("`")) return codeAt(text, token, index);
  if (token === "[") return namedLinkAt(text, index);
  if (token === "@") return mentionAt(text, index, context);
  if (/^http/i.test(token)) return linkAt(text, index);
  return emphasisAt(text, token, index, context);
}

function codeAt(text, ticks, index) {
  const start = index + ticks.length;
  const end = text.indexOf(ticks, start);
  if (end <= start || text[end + ticks.length] === "`") return null;
  return { node: { type: "code", text: text.slice(start, end) }, end: end + ticks.length };
}

function emphasisAt(text, token, index, context) {
  const start = index + token.length;
  if (context.unclosed.has(token) || !/\S/.test(text[start] ?? "")) return null;
  // snake_case and 2*3*4 are no emphasis.
  if (/[\p{L}\p{N}]/u.test(text[index - 1] ?? "") && token !== "**") return null;
  let end = text.indexOf(token, start + 1);
  while (end !== -1 && !closes(text, token, end)) end = text.indexOf(token, end + 1);
  if (end === -1) {
    context.unclosed.add(token);
    return null;
  }
  const children = inner(text.slice(start, end), context);
  return { node: { type: DELIMITERS[token], children }, end: end + token.length };
}

function closes(text, token, end) {
  const after = text[end + token.length] ?? "";
  if (!/\S/.test(text[end - 1])) return false;
  if (token === "*" && (after === "*" || text[end - 1] === "*")) return false;
  return token === "**" || token === "~~" || !/[\p{L}\p{N}]/u.test(after);
}

function namedLinkAt(text, index) {
  const match = /^\[([^\][\n]{1,500})\]\((https?:\/\/[^\s()<>"]+)\)/i.exec(text.slice(index, index + 3_000));
  if (match === null || !URL.canParse(match[2])) return null;
  const children = [{ type: "text", text: match[1] }];
  return { node: { type: "link", href: new URL(match[2]).href, named: true, children }, end: index + match[0].length };
}

function linkAt(text, index) {
  const [word] = /^[^\s<>"]+/.exec(text.slice(index));
  const [part] = splitLinks(word);
  if (part?.href === undefined) return null;
  return { node: { type: "link", href: part.href, children: [{ type: "text", text: part.text }] }, end: index + part.text.length };
}

// The server decides who is mentioned; here only its names are found again.
function mentionAt(text, index, { names }) {
  if (names.size === 0) return null;
  const [word] = /^[a-z0-9_.-]*/i.exec(text.slice(index + 1));
  for (let length = word.length; length > 0; length -= 1) {
    const name = word.slice(0, length).toLowerCase();
    if (names.has(name)) return { node: { type: "mention", name, text: text.slice(index, index + 1 + length) }, end: index + 1 + length };
  }
  return null;
}
