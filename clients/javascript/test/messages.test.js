// The messages of a room for a view: from a page of history on, changed by what happens.

import assert from "node:assert/strict";
import { test } from "node:test";

import { MemoryCursors } from "../src/index.js";
import { applyEvent, readMessages } from "../src/messages.js";
import { ScriptedServer, caughtUp, connected, joined, message } from "./scripted_server.js";

const AT = "2026-11-21T08:00:00.123Z";

function page(head, ...seqs) {
  const messages = seqs.map((seq) => ({ seq, at: AT, by: "bo", text: `m${seq}` }));
  return () => ({ body: { messages, head, epoch: "e1", has_older: false, has_newer: false } });
}

const texts = ({ messages }) => messages.map(({ seq, text }) => [seq, text]);

test("a view begins with the newest messages, whatever was read before, and follows", async () => {
  const server = new ScriptedServer();
  server.routes["rooms/general/messages"] = page(5, 3, 5);
  const cursors = new MemoryCursors();
  cursors.save("ana general http://chat.test/", { seq: 1, epoch: "e1" });
  const { chat, peer } = await connected(server, { cursors });
  const view = readMessages(chat, "general");

  assert.deepEqual(texts((await view.next()).value), [[3, "m3"], [5, "m5"]]);
  const following = view.next();
  const asked = await peer.hears("join");
  assert.deepEqual([asked.since, asked.epoch], [5, "e1"]);
  peer.says(joined(asked, { head: 6 }), message(6), caughtUp(asked, 6));
  assert.deepEqual(texts((await following).value), [[3, "m3"], [5, "m5"], [6, "m6"]]);
  assert.equal((await view.next()).value.isLive, true);

  peer.says({ type: "message.edited", room: "general", seq: 7, at: AT, by: "bo", ref: 3, text: "better" });
  assert.deepEqual(texts((await view.next()).value)[0], [3, "better"]);
  peer.says({ type: "reaction.added", room: "general", seq: 8, at: AT, by: "bo", ref: 3, emoji: "👍" });
  peer.says({ type: "message.deleted", room: "general", seq: 9, at: AT, by: "bo", ref: 3, author: "bo" });
  assert.deepEqual(texts((await view.next()).value)[0], [3, null]);
  await chat.close();
});

test("a view that is closed leaves the room", async () => {
  const server = new ScriptedServer();
  server.routes["rooms/general/messages"] = page(1);
  const { chat, peer } = await connected(server);
  const mounted = new AbortController();
  const view = readMessages(chat, "general", { signal: mounted.signal });
  await view.next();
  const following = view.next();
  await peer.admits({ head: 1 });
  await following;

  mounted.abort();

  assert.equal((await view.next()).done, true);
  assert.equal((await peer.hears("leave")).room, "general");
  await chat.close();
});

test("an event is applied once, a reset begins anew, and the oldest make way", () => {
  const first = applyEvent([], message(1));
  assert.equal(applyEvent(first, message(1)), first);
  assert.equal(applyEvent(first, { type: "message.deleted", room: "general", seq: 3, at: AT, by: "bo", ref: 2, author: "bo" }), first);
  assert.deepEqual(applyEvent(first, message(2), 1).map(({ seq }) => seq), [2]);
  assert.deepEqual(applyEvent(first, { type: "reset", room: "general", head: 0, first: 1, epoch: "e2", reason: "epoch" }), []);
});
