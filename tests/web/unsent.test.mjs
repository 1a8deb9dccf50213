// What was written here and is not in its room's log yet. Run by test_modules.py, or: node --test tests/web

import assert from "node:assert/strict";
import { test } from "node:test";

import { Unsent } from "../../app/web/unsent.js";

function roomAt(cursor, ...own) {
  return { name: "general", cursor, ownIds: () => new Set(own) };
}

function unsentIn(room, ...outbox) {
  return new Unsent({ outbox: () => outbox, rooms: new Map([[room.name, room]]) });
}

function ids(entries) {
  return entries.map(({ id }) => id);
}

test("a room shows what waits for it, and not what waits for others", () => {
  const room = roomAt(5);
  const unsent = unsentIn(room, { id: "a", room: "attic" }, { id: "b", room: "general" });

  assert.deepEqual(ids(unsent.of(room)), ["b"]);
});

test("a stored message stays in sight until its event has come", () => {
  const room = roomAt(5);
  const unsent = unsentIn(room, { id: "b", room: "general" });
  unsent.onStored({ id: "a", room: "general", ack: { seq: 7 } });

  assert.deepEqual(ids(unsent.of(room)), ["a", "b"]);
  room.cursor = 7;
  assert.deepEqual(ids(unsent.of(room)), ["b"]);
});

test("a message whose event came before its ack is shown once", () => {
  const room = roomAt(7, "a");

  assert.deepEqual(unsentIn(room, { id: "a", room: "general" }).of(room), []);
});

test("a room that begins with its newest messages has a stored one among them", () => {
  const room = roomAt(null);
  const unsent = unsentIn(room);
  unsent.onStored({ id: "a", room: "general", ack: { seq: 7 } });

  assert.deepEqual(unsent.of(room), []);
});
