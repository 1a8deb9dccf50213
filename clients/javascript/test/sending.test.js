// Requests: once, in order, and each promise settles.

import assert from "node:assert/strict";
import { test } from "node:test";

import { MemoryOutbox } from "../src/index.js";
import { ScriptedServer, ack, connected, error, settle } from "./scripted_server.js";

test("a lost ack sends nothing twice: the same id, again", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);

  const sending = chat.send("general", "once");
  const first = await peer.hears("send");
  peer.closes(4100, "internal");
  const again = await (await server.connection()).welcomes().hears("send");
  server.connections[1].says(ack(again, 7, { duplicate: true }));

  assert.deepEqual(again, first);
  assert.deepEqual(await sending, { seq: 7, at: "2026-11-21T08:00:00.123Z", duplicate: true });
  await chat.close();
});

test("a send without an ack settles when its time is over", async () => {
  const server = new ScriptedServer();
  const { chat } = await connected(server);

  await assert.rejects(chat.send("general", "hi", { id: "a", ms: 5 }), { name: "NotAcknowledged", code: "not_acknowledged", id: "a" });
  assert.deepEqual(chat.outbox, []);
  await chat.close();
});

test("a send settles when its signal says so, and is withdrawn", async () => {
  const server = new ScriptedServer();
  const chat = server.client();
  const giving = new AbortController();

  const sending = chat.send("general", "never mind", { signal: giving.signal });
  giving.abort(new Error("changed my mind"));

  await assert.rejects(sending, { message: "changed my mind" });
  await assert.rejects(chat.send("general", "late", { signal: giving.signal }), { message: "changed my mind" });
  const peer = (await server.connection()).welcomes();
  await settle();
  assert.deepEqual(peer.pending, []);
  await chat.close();
});

test("closing settles what waits", async () => {
  const server = new ScriptedServer();
  const { chat } = await connected(server);
  const sending = chat.send("general", "hi");

  await chat.close();

  await assert.rejects(sending, { code: "closed" });
  await assert.rejects(chat.send("general", "hi"), { code: "closed" });
  await assert.rejects(chat.open(), { code: "closed" });
  await assert.rejects(chat.http("GET", "rooms"), { code: "closed" });
});

test("what is sent offline is sent later, in the order of the calls", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  server.isDown = true;
  peer.closes(1006);
  const sending = ["a", "b", "c"].map((text) => chat.send("general", text));

  server.isDown = false;
  const back = (await server.connection()).welcomes();
  for (const [index, text] of ["a", "b", "c"].entries()) {
    const asked = await back.hears("send");
    assert.equal(asked.text, text);
    back.says(ack(asked, index + 1));
  }

  assert.deepEqual((await Promise.all(sending)).map(({ seq }) => seq), [1, 2, 3]);
  await chat.close();
});

test("a send that is refused for now isn't overtaken by the one behind it", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  const sending = [chat.send("general", "a"), chat.send("general", "b")];

  const first = await peer.hears("send");
  assert.deepEqual(peer.pending, []);
  peer.says(error(first, "unavailable", { retry_after: 0.001 }));
  const again = await peer.hears("send");
  assert.deepEqual(again, first);
  peer.says(ack(again, 1));
  peer.says(ack(await peer.hears("send"), 2));

  assert.deepEqual((await Promise.all(sending)).map(({ seq }) => seq), [1, 2]);
  await chat.close();
});

test("rooms don't wait for each other", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  chat.send("general", "a").catch(() => {});
  chat.send("attic", "b").catch(() => {});

  assert.deepEqual([(await peer.hears("send")).room, (await peer.hears("send")).room], ["general", "attic"]);
  await chat.close();
});

test("slow mode is waited for if there is time, and else an error", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);

  const patient = chat.send("general", "a");
  peer.says(error(await peer.hears("send"), "slow_mode", { retry_after: 0.001 }));
  peer.says(ack(await peer.hears("send")));
  await patient;
  const hasty = chat.send("general", "b", { ms: 500 });
  peer.says(error(await peer.hears("send"), "slow_mode", { retry_after: 60 }));

  await assert.rejects(hasty, { name: "Refused", code: "slow_mode", retryAfterMs: 60_000 });
  await chat.close();
});

test("a reconnect with a full outbox keeps below the server's limits", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  peer.closes(4200);
  const back = (await server.connection()).welcomes({ limits: { sends_per_second: 100, send_burst: 5 } });
  for (let number = 0; number < 10; number += 1) chat.send(`room${number}`, "hi").catch(() => {});

  await settle();
  // Nine tenths of the burst at once, and the rest as the rate allows.
  assert.equal(back.pending.length, 4);
  for (let number = 0; number < 10; number += 1) await back.hears("send");
  await chat.close();
});

test("queued messages are kept for the next client, and the promise of a send is not", async () => {
  const server = new ScriptedServer();
  const outbox = new MemoryOutbox();
  const first = await connected(server, { outbox });
  first.chat.queue("general", "kept", { id: "k", replyTo: 4 });
  first.chat.send("general", "told").catch(() => {});
  await first.chat.close();

  const stored = [];
  const second = server.client({ outbox });
  second.on("stored", ({ id, ack: { seq } }) => stored.push([id, seq]));
  second.open();
  const peer = (await server.connection()).welcomes();
  const asked = await peer.hears("send");
  assert.deepEqual(asked, { type: "send", id: "k", room: "general", text: "kept", reply_to: 4 });
  assert.deepEqual(second.outbox.map(({ id, text, state }) => [id, text, state]), [["k", "kept", "sent"]]);
  peer.says(ack(asked, 9));

  assert.deepEqual([stored, second.outbox], [[["k", 9]], []]);
  await second.close();
});

test("two clients of one account don't take each other's messages", async () => {
  const server = new ScriptedServer();
  const outbox = new MemoryOutbox();
  const first = await connected(server, { outbox });
  first.chat.queue("general", "mine");
  const second = await connected(server, { outbox });

  assert.deepEqual([first.chat.outbox.length, second.chat.outbox.length], [1, 0]);
  await first.chat.close();
  await second.chat.close();
});

test("a refused message says so, and no longer once it is stored", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  chat.queue("general", "hi", { id: "a" });
  chat.queue("general", "next", { id: "b" });

  peer.says(error(await peer.hears("send"), "muted"));
  assert.deepEqual(chat.outbox[0], { ...chat.outbox[0], state: "failed", error: { code: "muted", detail: "muted." } });
  const next = await peer.hears("send");
  assert.equal(next.id, "b");
  peer.says(ack(next));
  chat.retry("a");
  assert.equal(chat.outbox[0].error, null);
  peer.says(ack(await peer.hears("send")));

  assert.deepEqual(chat.outbox, []);
  await chat.close();
});

test("a discarded message is forgotten, and its promise rejected", async () => {
  const server = new ScriptedServer();
  const { chat } = await connected(server);
  const sending = chat.send("general", "hi", { id: "a" });

  chat.discard("a");

  await assert.rejects(sending, { code: "discarded" });
  assert.deepEqual(chat.outbox, []);
  await chat.close();
});

test("what the server would close the connection for is refused here", async () => {
  const server = new ScriptedServer();
  const { chat } = await connected(server, { limits: { pendingRequests: 1 } });

  await assert.rejects(chat.send("general", "x".repeat(70_000)), { code: "too_large" });
  chat.queue("general", "hi", { id: "a" });
  await assert.rejects(chat.send("general", "hi", { id: "a" }), { code: "id_reused" });
  await assert.rejects(chat.send("general", "one too many"), { code: "rate_limited" });
  await chat.close();
});

test("edits, deletions, reactions, pins and read markers are requests, too", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  const calls = [
    [chat.edit("General", 1, "b"), "edit", { ref: 1, text: "b" }],
    [chat.delete("General", 1), "delete", { ref: 1 }],
    [chat.react("General", 1, "👍"), "react", { ref: 1, emoji: "👍", on: true }],
    [chat.pin("General", 1, { on: false }), "pin", { ref: 1, on: false }],
  ];
  for (const [call, type, body] of calls) {
    const asked = await peer.hears(type);
    assert.deepEqual(asked, { type, id: asked.id, room: "general", ...body });
    peer.says({ type: "ack", re: asked.id, at: "now" });
    assert.deepEqual(await call, { seq: null, at: "now", duplicate: false });
  }
  const reading = chat.read("general", 4);
  peer.says({ type: "ack", re: (await peer.hears("read")).id, read: 4, unread: 0, mentions: 0, as_of: 4 });

  assert.equal((await reading).read, 4);
  await chat.close();
});
