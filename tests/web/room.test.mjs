// State of one room, built from its events. Run by test_modules.py, or: node --test tests/web

import assert from "node:assert/strict";
import { test } from "node:test";

import { UNREAD_CAP } from "../../app/web/counts.js";
import { Applied, CATCH_UP_EVENTS, Phase, Room } from "../../app/web/room.js";

const AT = "2026-11-21T08:00:00.123Z";

const JOINED = {
  type: "joined", room: "general", head: 5, first: 1, epoch: "k3v9x2", role: "member",
  read: 0, unread: 0, mentions: 0, as_of: 5, present_count: 2, present: ["alice", "bob"],
};

function created(seq, by, text, more = {}) {
  return { type: "message.created", room: "general", seq, at: AT, by, text, ...more };
}

function change(seq, type, ref, more = {}) {
  return { type, room: "general", seq, at: AT, by: "bob", ref, ...more };
}

// A live room as bob sees it, with alice's message 5 as the newest.
function liveRoom(joined = {}) {
  const room = new Room("general", "bob");
  room.subscribe();
  room.onJoined({ ...JOINED, ...joined });
  room.apply(created(5, "alice", "hello"));
  room.onCaughtUp({ seq: 5 });
  return room;
}

function texts(room) {
  return room.items().map(({ text }) => text);
}

test("the first subscription begins with a page, whose seqs may jump", () => {
  const room = new Room("general", "bob");

  assert.deepEqual(room.subscribe(), { since: null, history: 50, catchUp: CATCH_UP_EVENTS });
  room.onJoined(JOINED);

  assert.equal(room.apply(created(2, "alice", "one")), Applied.YES);
  assert.equal(room.apply(created(9, "alice", "two")), Applied.YES);
  room.onCaughtUp({ seq: 12 });
  assert.equal(room.cursor, 12);
  assert.equal(room.phase, Phase.LIVE);
});

test("live events are applied in steps of one, and never twice", () => {
  const room = liveRoom();

  assert.equal(room.apply(created(6, "alice", "one")), Applied.YES);
  assert.equal(room.apply(created(6, "alice", "one")), Applied.OLD);
  assert.equal(room.apply(created(3, "alice", "zero")), Applied.OLD);

  assert.deepEqual(texts(room), ["hello", "one"]);
});

test("a gap applies nothing, and the next subscription begins before it", () => {
  const room = liveRoom();

  assert.equal(room.apply(created(7, "alice", "too early")), Applied.GAP);

  assert.deepEqual(texts(room), ["hello"]);
  assert.deepEqual(room.subscribe().since, { seq: 5, epoch: "k3v9x2" });
});

test("a resumed room has every message once, in order", () => {
  const room = liveRoom();
  room.onDisconnect();
  room.onJoined({ ...JOINED, as_of: 7 });

  for (const seq of [6, 7]) room.apply(created(seq, "alice", `message ${seq}`));
  room.onCaughtUp({ seq: 7 });

  assert.deepEqual(texts(room), ["hello", "message 6", "message 7"]);
  assert.equal(room.phase, Phase.LIVE);
});

test("an unknown type is skipped and still moves the cursor", () => {
  const room = liveRoom();

  room.apply({ type: "message.translated", room: "general", seq: 6, at: AT, by: "alice" });

  assert.equal(room.cursor, 6);
  assert.deepEqual(texts(room), ["hello"]);
});

test("a reset drops everything and starts over", () => {
  const room = liveRoom();

  room.reset();

  assert.deepEqual(room.items(), []);
  assert.equal(room.subscribe().since, null);
});

test("an edit, a reaction, a pin and a deletion change their message", () => {
  const room = liveRoom();

  room.apply(change(6, "message.edited", 5, { text: "hello!" }));
  room.apply(change(7, "reaction.added", 5, { emoji: "👍" }));
  room.apply(change(8, "message.pinned", 5));
  const { text, editedAt, reactions, pinned } = room.get(5);
  assert.deepEqual({ text, editedAt, reactions, pinned }, {
    text: "hello!", editedAt: AT, reactions: { "👍": ["bob"] }, pinned: true,
  });

  room.apply(change(9, "reaction.removed", 5, { emoji: "👍" }));
  assert.deepEqual(room.get(5).reactions, {});

  room.apply(change(10, "message.deleted", 5, { author: "alice" }));
  assert.equal(room.get(5).text, null);
  assert.equal(room.get(5).pinned, false);
});

test("a page of history goes before what is stored", () => {
  const room = liveRoom();

  room.history.addOlder({ messages: [created(2, "alice", "one"), created(3, "bob", "two")], head: 5, has_older: true });

  assert.deepEqual(texts(room), ["one", "two", "hello"]);
  assert.equal(room.history.shown.oldest, 2);
  assert.equal(room.history.hasOlder, true);
});

test("a change that arrives before its page of history is applied", () => {
  const room = liveRoom();
  room.apply(change(6, "message.edited", 2, { text: "better" }));

  room.history.addOlder({ messages: [created(2, "alice", "good")], head: 5, has_older: false });

  assert.equal(room.get(2).text, "better");
});

test("a change that the page already contains is not applied again", () => {
  const room = liveRoom();
  room.apply(change(6, "message.edited", 2, { text: "better" }));

  room.history.addOlder({ messages: [created(2, "alice", "best")], head: 7, has_older: false });

  assert.equal(room.get(2).text, "best");
});

test("unread is the server's count plus later messages of other users", () => {
  const room = liveRoom({ unread: 3, as_of: 5 });

  room.apply(created(6, "alice", "for you", { mentions: ["bob"] }));
  room.apply(created(7, "bob", "mine"));
  room.apply(created(8, "alice", "regretted"));
  room.apply(change(9, "message.deleted", 8, { author: "alice" }));

  assert.equal(room.unread, 4);
  assert.equal(room.mentions, 1);

  room.setCounts({ read: 9, unread: 0, mentions: 0, as_of: 9 });
  assert.equal(room.unread, 0);
});

test("an older count never replaces a newer one", () => {
  const room = liveRoom({ unread: 0, as_of: 5 });

  room.setCounts({ read: 0, unread: 4, mentions: 0, as_of: 4 });

  assert.equal(room.unread, 0);
});

test("unread stops at the cap", () => {
  const room = liveRoom({ unread: UNREAD_CAP, as_of: 5 });

  room.apply(created(6, "alice", "one more"));

  assert.equal(room.unread, UNREAD_CAP);
});

test("presence lists users; a large room only counts them", () => {
  const room = liveRoom();

  room.applySignal({ type: "presence", room: "general", by: "carol", online: true }, 0);
  room.applySignal({ type: "presence", room: "general", by: "alice", online: false }, 0);
  assert.deepEqual(room.presence.names(), ["bob", "carol"]);

  room.applySignal({ type: "presence", room: "general", count: 201 }, 0);
  assert.equal(room.presence.count, 201);
});

test("typing ends with a message, a frame, or a timeout", () => {
  const room = liveRoom();
  const types = (by, on = true) => room.applySignal({ type: "typing", room: "general", by, on }, 0);

  for (const name of ["alice", "carol", "dave", "bob"]) types(name);
  assert.deepEqual(room.presence.typing(0), ["alice", "carol", "dave"]);

  room.apply(created(6, "alice", "done"));
  types("carol", false);
  assert.deepEqual(room.presence.typing(0), ["dave"]);
  assert.deepEqual(room.presence.typing(60_000), []);
});

test("trimmed messages can be loaded again", () => {
  const room = liveRoom();
  for (const seq of [6, 7, 8]) room.apply(created(seq, "alice", `message ${seq}`));

  room.history.trim(2);

  assert.deepEqual(texts(room), ["message 7", "message 8"]);
  assert.equal(room.history.hasOlder, true);
});

test("removal clears presence and counts, and keeps messages", () => {
  const room = liveRoom({ unread: 2 });

  room.onRemoved();

  assert.deepEqual([room.member, room.unread, room.presence.names()], [false, 0, []]);
  assert.deepEqual(texts(room), ["hello"]);
});

test("a marker that is placed further back makes messages unread again", () => {
  const room = liveRoom({ read: 5, unread: 0, as_of: 5 });
  room.apply(created(6, "alice", "one more"));

  room.applySignal({ type: "read", room: "general", by: "bob", seq: 4, unread: 1, mentions: 0, as_of: 5 }, 0);

  assert.deepEqual([room.read, room.unread, room.keepsUnread], [4, 2, true]);
});

test("a marker that moves on with its counts is taken as it is", () => {
  const room = liveRoom({ read: 3, unread: 1, as_of: 5 });

  room.applySignal({ type: "read", room: "general", by: "bob", seq: 5, unread: 0, mentions: 0, as_of: 5 }, 0);

  assert.deepEqual([room.read, room.unread, room.keepsUnread], [5, 0, false]);
});

test("what is held is bounded, also while someone reads further up", () => {
  const room = liveRoom();
  let seq = 5;
  const come = (count) => {
    for (let number = 0; number < count; number += 1) room.apply(created(seq += 1, "alice", `message ${seq}`));
  };

  // A reader near the end: what is far above goes.
  come(1_500);
  room.history.bound(1_400);
  assert.equal(room.history.isAtLive, true);
  assert.deepEqual([room.items()[0].seq, room.items().at(-1).seq, room.history.hasOlder], [1_100, 1_505, true]);

  // The reader stays where they are, and the room goes on.
  for (let round = 0; round < 10; round += 1) {
    come(1_000);
    room.history.bound(1_400);
    assert.equal(room.get(1_400).text, "message 1400");
    assert.equal(room.get(seq).text, `message ${seq}`);
    assert.ok(new Set([...room.history.live.items(), ...room.items()]).size <= 1_500);
  }
  assert.equal(room.history.hasNewer, true);
});
