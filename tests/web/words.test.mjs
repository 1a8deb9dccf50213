// Texts cut into links and the rest, and sentences for events.

import assert from "node:assert/strict";
import { test } from "node:test";

import { dayKey, dayLabel, parts, sentence, typingLine } from "../../app/web/words.js";

function links(text) {
  return parts(text).filter(({ href }) => href).map(({ href }) => href);
}

test("a text's parts are the text, whatever is in it", () => {
  for (const text of ["", "plain", "<b>http://a.test</b>", "a http://b.test/, c https://d.test", "http://["]) {
    assert.equal(parts(text).map((part) => part.text).join(""), text);
  }
});

test("only http and https become links", () => {
  assert.deepEqual(links("javascript:alert(1) data:text/html,x file:///etc ftp://a.test"), []);
  assert.deepEqual(links("HTTPS://A.test/x"), ["https://a.test/x"]);
});

test("the end of a sentence is no part of an address, its own bracket is", () => {
  assert.deepEqual(links("(see http://a.test/b)."), ["http://a.test/b"]);
  assert.deepEqual(links("http://a.test/b_(c), and"), ["http://a.test/b_(c)"]);
});

test("a link ends before quotes and markup", () => {
  assert.deepEqual(links('<a href="http://a.test/b">'), ["http://a.test/b"]);
});

test("events read as sentences", () => {
  const read = (event) => sentence(event, "bob");

  assert.equal(read({ type: "room.created", by: null }), "The room was opened");
  assert.equal(read({ type: "member.joined", by: "bob", user: "bob" }), "You joined");
  assert.equal(read({ type: "member.joined", by: "alice", user: "bob" }), "alice added you");
  assert.equal(read({ type: "member.left", by: "alice", user: "eve", reason: "banned" }), "alice banned eve");
  assert.equal(read({ type: "member.updated", by: "alice", user: "bob", role: "owner" }), "alice made you an owner");
  assert.equal(read({ type: "member.updated", by: "alice", user: "eve", muted_until: null }), "alice unmuted eve");
});

test("typists are named while there are few", () => {
  assert.equal(typingLine([]), "");
  assert.equal(typingLine(["alice"]), "alice is typing…");
  assert.equal(typingLine(["a", "b", "c"]), "Several people are typing…");
});

test("days are called by what they are today", () => {
  const now = new Date(2026, 10, 21, 0, 30);

  assert.equal(dayLabel(new Date(2026, 10, 21, 23), now), "Today");
  assert.equal(dayLabel(new Date(2026, 10, 20, 1), now), "Yesterday");
  assert.equal(dayKey(new Date(2026, 0, 2)), "2026-01-02");
});
