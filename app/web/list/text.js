/**
 * A message's text as elements. Only text nodes and the few elements below are
 * made, so nothing that a user writes is ever parsed as markup.
 */

import { make } from "../dom.js";
import { parseMarkdown } from "../markdown.js";

const INLINE = { strong: "strong", em: "em", del: "del" };

// A message of this many emoji and nothing else is shown large.
const EMOJI_ONLY = /^\s*(?:\p{RGI_Emoji}\s*){1,6}$/v;

/** @param me the user's own name, whose mentions stand out. */
export function textElement(text, mentions, me) {
  const element = make("div", `text${EMOJI_ONLY.test(text) ? " emoji-only" : ""}`);
  element.append(...parseMarkdown(text, mentions).map((block) => blockElement(block, me)));
  return element;
}

function blockElement(block, me) {
  switch (block.type) {
    case "code": {
      const pre = make("pre", "", make("code", "", block.text));
      // It may scroll sideways, by keyboard too.
      pre.tabIndex = 0;
      return pre;
    }
    case "quote":
      return make("blockquote", "", ...block.children.map((child) => blockElement(child, me)));
    case "bullets":
    case "numbers":
      return listElement(block, me);
    default:
      return directed(make("p", "", ...inlineNodes(block.children, me)));
  }
}

function listElement({ type, start, children }, me) {
  const list = make(type === "numbers" ? "ol" : "ul", "");
  if (start !== null && start !== 1) list.start = start;
  list.append(...children.map((nodes) => directed(make("li", "", ...inlineNodes(nodes, me)))));
  return list;
}

function inlineNodes(nodes, me) {
  return nodes.map((node) => {
    switch (node.type) {
      case "text":
        return node.text;
      case "code":
        return make("code", "", node.text);
      case "link":
        return linkElement(node, me);
      case "mention":
        return make("span", `mention${node.name === me ? " of-me" : ""}`, node.text);
      default:
        return make(INLINE[node.type], "", ...inlineNodes(node.children, me));
    }
  });
}

function linkElement({ href, named, children }, me) {
  const anchor = make("a", "", ...inlineNodes(children, me));
  anchor.href = href;
  anchor.target = "_blank";
  anchor.rel = "noopener noreferrer";
  // A link's text may claim another address than it has.
  if (named) anchor.title = href;
  return anchor;
}

// Right-to-left text is aligned by its own direction.
function directed(element) {
  element.dir = "auto";
  return element;
}
