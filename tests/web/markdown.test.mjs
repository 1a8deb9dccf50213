// The Markdown of messages as a tree. Run by test_modules.py, or: node --test tests/web

import assert from "node:assert/strict";
import { test } from "node:test";

import { parseMarkdown, plainText } from "../../app/web/markdown.js";

const text = (value) => ({ type: "text", text: value });
const paragraph = (...children) => ({ type: "paragraph", children });

test("emphasis, code and links", () => {
  assert.deepEqual(parseMarkdown("**b** *i* _i_ ~~d~~ `c`"), [paragraph(
    { type: "strong", children: [text("b")] }, text(" "),
    { type: "em", children: [text("i")] }, text(" "),
    { type: "em", children: [text("i")] }, text(" "),
    { type: "del", children: [text("d")] }, text(" "),
    { type: "code", text: "c" },
  )]);
  assert.deepEqual(parseMarkdown("see https://example.org/a."), [paragraph(
    text("see "), { type: "link", href: "https://example.org/a", children: [text("https://example.org/a")] }, text("."),
  )]);
  assert.deepEqual(parseMarkdown("[here](https://example.org)"), [paragraph(
    { type: "link", href: "https://example.org/", named: true, children: [text("here")] },
  )]);
});

test("what is not closed, or no emphasis, stays as it was typed", () => {
  for (const typed of [
    "snake_case_here", "2*3*4", "**open", "`open", "a ** b ** c", "```open",
    "[x](javascript:alert(1))", "[x](data:text/html,x)", "Two\nlines", "one\n\n\ntwo",
  ]) {
    assert.deepEqual(parseMarkdown(typed), [paragraph(text(typed))], typed);
  }
});

test("blocks: code, quotes and lists", () => {
  assert.deepEqual(parseMarkdown("a\n```js\n*x*\n\ny\n```\nb"), [
    paragraph(text("a")), { type: "code", text: "*x*\n\ny" }, paragraph(text("b")),
  ]);
  assert.deepEqual(parseMarkdown("> a\n> > b\nc"), [
    { type: "quote", children: [paragraph(text("a")), { type: "quote", children: [paragraph(text("b"))] }] },
    paragraph(text("c")),
  ]);
  assert.deepEqual(parseMarkdown("- a\n- b\n\n3. c"), [
    { type: "bullets", start: null, children: [[text("a")], [text("b")]] },
    { type: "numbers", start: 3, children: [[text("c")]] },
  ]);
});

test("only names that the server found are mentions, and none in code", () => {
  const mention = { type: "mention", name: "ben", text: "@ben" };
  assert.deepEqual(parseMarkdown("@ben.See @ann `@ben`", ["ben"]), [
    paragraph(mention, text(".See @ann "), { type: "code", text: "@ben" }),
  ]);
});

// Nested repeats in a pattern would take hours, and the runner's time limit ends that.
test("texts of ten times the longest are parsed at all", () => {
  for (const part of ["*", "_a ", "**a ", "`", "[", "> ", "- ", "*a _b ~~c **d ", "http://", "@ben", "```\n"]) {
    assert.ok(parseMarkdown(part.repeat(40_000).slice(0, 40_000), ["ben"]).length > 0);
  }
});

test("what a text says without its marks", () => {
  assert.equal(plainText("**It** is `down` to [one](https://example.org) ~~step~~, @bo"), "It is down to one step, @bo");
  assert.equal(plainText("> said\n- one\n- *two*\n\n3. three\n4. four"), "said\n• one\n• two\n3. three\n4. four");
  assert.equal(plainText("```js\n*x*\n```"), "*x*");
  assert.equal(plainText("**open"), "**open");
});
