// Links in texts, sentences for events, days.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  dayKey, dayLabel, describeEvent, formatShortTime, formatTime, splitLinks, typingLine,
} from "../../app/web/format.js";

function links(text) {
  return splitLinks(text).filter(({ href }) => href).map(({ href }) => href);
}

test("the parts of a text add up to the text", () => {
  for (const text of ["", "plain", "<b>http://a.test</b>", "a http://b.test/, c https://d.test", "http://["]) {
    assert.equal(splitLinks(text).map((part) => part.text).join(""), text);
  }
});

test("only http and https become links", () => {
  assert.deepEqual(links("javascript:alert(1) data:text/html,x file:///etc ftp://a.test"), []);
  assert.deepEqual(links("HTTPS://A.test/x"), ["https://a.test/x"]);
});

test("trailing punctuation is not part of a URL, a matching bracket is", () => {
  assert.deepEqual(links("(see http://a.test/b)."), ["http://a.test/b"]);
  assert.deepEqual(links("http://a.test/b_(c), and"), ["http://a.test/b_(c)"]);
});

test("a link ends before quotes and markup", () => {
  assert.deepEqual(links('<a href="http://a.test/b">'), ["http://a.test/b"]);
});

test("events read as sentences", () => {
  const read = (event) => describeEvent(event, "bob");

  assert.equal(read({ type: "room.created", by: null }), "The room was created");
  assert.equal(read({ type: "member.joined", by: "bob", user: "bob" }), "You joined");
  assert.equal(read({ type: "member.joined", by: "alice", user: "bob" }), "alice added you");
  assert.equal(read({ type: "member.left", by: "alice", user: "eve", reason: "banned" }), "alice banned eve");
  assert.equal(read({ type: "member.updated", by: "alice", user: "bob", role: "owner" }), "alice made you an owner");
  assert.equal(read({ type: "member.updated", by: "alice", user: "eve", muted_until: null }), "alice unmuted eve");
});

test("up to two typing users are named", () => {
  assert.equal(typingLine([]), "");
  assert.equal(typingLine(["alice"]), "alice is typing…");
  assert.equal(typingLine(["a", "b", "c"]), "Several people are typing…");
});

test("recent days have relative names", () => {
  const now = new Date(2026, 10, 21, 0, 30);

  assert.equal(dayLabel(new Date(2026, 10, 21, 23), now), "Today");
  assert.equal(dayLabel(new Date(2026, 10, 20, 1), now), "Yesterday");
  assert.equal(dayKey(new Date(2026, 0, 2)), "2026-01-02");
});

test("a time is written as its locale has it, and short without the half of the day", () => {
  const at = new Date(2026, 3, 5, 16, 5);
  // Some versions of ICU have a narrow no-break space before "PM".
  assert.equal(formatTime(at, "en-US").replace(/\s/, " "), "4:05 PM");
  assert.equal(formatTime(at, "de"), "16:05");
  assert.equal(formatShortTime(at, "en-US"), "4:05");
  assert.equal(formatShortTime(at, "ko"), "4:05");
  assert.equal(formatShortTime(at, "de"), "16:05");
});
