// The events of a room: each once and in order, whatever happens to the connection.

import assert from "node:assert/strict";
import { test } from "node:test";

import { MemoryCursors, StoredCursors } from "../src/index.js";
import { ScriptedServer, ack, caughtUp, connected, error, joined, message, seqs, settle } from "./scripted_server.js";

test("a room begins with what happens from now on", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  const room = chat.room("General");

  const asked = await peer.hears("join");
  assert.deepEqual(asked, { type: "join", id: asked.id, room: "general", limit: 1 });
  peer.says(joined(asked, { head: 3 }), message(3), caughtUp(asked, 3), message(4));

  assert.deepEqual(await seqs(room, 1), [4]);
  assert.deepEqual(room.cursor, { seq: 3, epoch: "e1" });
  await chat.close();
});

test("a room begins with the newest messages, and says when it has caught up", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  const room = chat.room("general", { history: 2 });

  const asked = await peer.hears("join");
  assert.equal(asked.limit, 2);
  peer.says(joined(asked, { head: 9 }), message(3), message(7), caughtUp(asked, 9), message(10));

  const found = [];
  for await (const { type, seq } of room) {
    found.push([type, seq]);
    if (seq === 10) break;
  }
  assert.deepEqual(found, [["joined", undefined], ["message.created", 3], ["message.created", 7], ["caught_up", 9], ["message.created", 10]]);
  // Leaving the loop has left the room.
  assert.equal((await peer.hears("leave")).room, "general");
  await chat.close();
});

test("what happened while offline comes once", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  const room = chat.room("general", { since: 0 });
  peer.says(...(await joinedAt(peer, 1)), message(2));
  assert.deepEqual(await seqs(room, 2), [1, 2]);

  peer.closes(1006);
  const back = (await server.connection()).welcomes();
  const asked = await back.hears("join");
  assert.deepEqual([asked.since, asked.epoch], [2, "e1"]);
  back.says(joined(asked, { head: 4 }), message(2), message(3), message(4), caughtUp(asked, 4), message(4), message(5));

  assert.deepEqual(await seqs(room, 3), [3, 4, 5]);
  await chat.close();
});

async function joinedAt(peer, head) {
  const asked = await peer.hears("join");
  const events = Array.from({ length: head }, (_, index) => message(index + 1));
  return [joined(asked, { head }), ...events, caughtUp(asked, head)];
}

test("a gap is asked for, and known events are ignored", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  const room = chat.room("general", { since: 0 });
  peer.says(...(await joinedAt(peer, 1)), message(3), message(4));

  const asked = await peer.hears("join");
  assert.equal(asked.since, 1);
  peer.says(joined(asked, { head: 4 }), message(2), message(3), message(4), caughtUp(asked, 4));

  assert.deepEqual(await seqs(room, 4), [1, 2, 3, 4]);
  await chat.close();
});

test("another history resets, and begins with the newest", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  const room = chat.room("general", { since: { seq: 5, epoch: "e0" }, history: 3 });
  const asked = await peer.hears("join");
  peer.says({ type: "reset", re: asked.id, room: "general", head: 2, first: 1, epoch: "e1", reason: "epoch" });
  const again = await peer.hears("join");
  assert.deepEqual([again.since, again.limit], [undefined, 3]);
  peer.says(joined(again, { head: 2 }), message(2), caughtUp(again, 2));

  const found = [];
  for await (const { type } of room) {
    found.push(type);
    if (type === "caught_up") break;
  }
  assert.deepEqual(found, ["reset", "joined", "message.created", "caught_up"]);
  await chat.close();
});

test("what retention has removed is skipped, and the rest comes", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  const room = chat.room("general", { since: { seq: 2, epoch: "e1" } });
  const asked = await peer.hears("join");
  peer.says({ type: "reset", re: asked.id, room: "general", head: 9, first: 8, epoch: "e1", reason: "gone" });

  assert.equal((await peer.hears("join")).since, 7);
  await chat.close();
  assert.equal((await room.next()).done, true);
});

test("a long absence can begin anew", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  chat.room("general", { since: { seq: 2, epoch: "e1" }, catchUp: 200 });

  assert.equal((await peer.hears("join")).limit, 200);
  await chat.close();
});

test("a server that answers each join in the same useless way is not asked in a loop", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server, { limits: { retryMs: 10_000 } });
  chat.room("general", { since: 2 });
  for (let number = 0; number < 2; number += 1) {
    const asked = await peer.hears("join");
    peer.says({ type: "reset", re: asked.id, room: "general", head: 1, first: 1, epoch: "e1", reason: "ahead" });
    await settle();
  }

  assert.deepEqual(peer.pending, []);
  await chat.close();
});

test("access that ends is an error, after the last event", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  const room = chat.room("general", { since: 0 });
  peer.says(...(await joinedAt(peer, 1)), { type: "removed", room: "general", reason: "banned" });

  assert.deepEqual(await seqs(room, 1), [1]);
  await room.next();
  await assert.rejects(room.next(), { code: "room_ended", reason: "banned" });
  await chat.close();
});

test("a room that can't be joined is an error; for now, it is tried again", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  const room = chat.room("attic");
  peer.says(error(await peer.hears("join"), "unavailable"));
  peer.says(error(await peer.hears("join"), "room_not_found"));

  await assert.rejects(room.next(), { code: "room_not_found" });
  await chat.close();
});

test("a slow reader leaves the rest on the server", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server, { limits: { bufferedEvents: 5 } });
  const room = chat.room("general", { since: 0 });
  peer.says(...(await joinedAt(peer, 8)));

  await peer.hears("leave");
  assert.equal(room.isCaughtUp, true);
  const first = await seqs(room, 4);
  const asked = await peer.hears("join");
  assert.equal(asked.since, 4);
  peer.says(joined(asked, { head: 8 }), message(5), message(6), message(7), message(8), caughtUp(asked, 8));

  assert.deepEqual([...first, ...(await seqs(room, 4))], [1, 2, 3, 4, 5, 6, 7, 8]);
  await chat.close();
});

test("a framework that mounts twice has one subscription, and each event once", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  const mount = () => {
    const mounted = new AbortController();
    return { room: chat.room("general", { since: 0, signal: mounted.signal }), unmount: () => mounted.abort() };
  };
  const first = mount();
  const stale = await peer.hears("join");
  first.unmount();
  await peer.hears("leave");
  const second = mount();
  const asked = await peer.hears("join");

  peer.says(joined(stale, { head: 1 }), message(1), caughtUp(stale, 1));
  peer.says(joined(asked, { head: 1 }), message(1), caughtUp(asked, 1));

  assert.equal((await first.room.next()).done, true);
  assert.deepEqual(await seqs(second.room, 1), [1]);
  assert.equal(chat.room("general"), second.room);
  await chat.close();
});

test("a rejoin on an open connection duplicates nothing", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  const old = chat.room("general", { since: 0 });
  peer.says(...(await joinedAt(peer, 2)));
  const room = chat.room("general", { since: 1 });
  const asked = await peer.hears("join");
  // Still of the subscription before.
  peer.says(message(3), joined(asked, { head: 3 }), message(2), message(3), caughtUp(asked, 3));

  assert.deepEqual(await seqs(room, 2), [2, 3]);
  assert.equal((await old.next()).done, true);
  await chat.close();
});

test("two readers of one room are a mistake that is told", async () => {
  const server = new ScriptedServer();
  const { chat } = await connected(server);
  const room = chat.room("general");
  const reading = room.next();

  await assert.rejects(room.next(), TypeError);
  await chat.close();
  assert.equal((await reading).done, true);
});

test("an application that restarts goes on where it was", async () => {
  const kept = new Map();
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  for (const cursors of [new MemoryCursors(), new StoredCursors(storage)]) {
    const server = new ScriptedServer();
    const first = await connected(server, { cursors });
    const room = first.chat.room("general", { since: 0 });
    first.peer.says(...(await joinedAt(first.peer, 3)));
    assert.deepEqual(await seqs(room, 2), [1, 2]);
    await first.chat.close();

    const second = await connected(server, { cursors });
    second.chat.room("general");
    // The second was not handled yet.
    assert.equal((await second.peer.hears("join")).since, 1);
    await second.chat.close();
  }
});

test("a cursor store that fails ends the room, and not the client", async () => {
  const server = new ScriptedServer();
  const cursors = { load: () => Promise.reject(new Error("no disk")), save() {} };
  const { chat, peer } = await connected(server, { cursors });

  await assert.rejects(chat.room("general").next(), { message: "no disk" });
  const sending = chat.send("general", "hi");
  peer.says(ack(await peer.hears("send")));
  await sending;
  await chat.close();
});

test("what is sent after subscribing is part of what the subscription brings", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  chat.room("general");
  chat.send("general", "hi").catch(() => {});

  const asked = await peer.hears("join");
  await settle();
  assert.deepEqual(peer.pending, []);
  peer.says(joined(asked));
  await peer.hears("send");
  await chat.close();
});
