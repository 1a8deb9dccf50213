// The connection: what ends it, what brings it back, and who is told.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Backoff, nextStep } from "../src/close_codes.js";
import { Client, LIMITS, Refused } from "../src/index.js";
import { watchDevice } from "../src/device.js";
import { ScriptedServer, connected, settle } from "./scripted_server.js";

test("the hundreds of a close code say what to do", () => {
  const steps = [4000, 4009, 4100, 4129, 4200, 4301, 1006, 1011, 5000].map(nextStep);

  assert.deepEqual(steps, ["stop", "stop", "back off", "back off", "at once", "new token", "back off", "back off", "back off"]);
});

test("pauses double up to a bound, by random", () => {
  const latest = new Backoff(LIMITS, () => 1);
  const earliest = new Backoff(LIMITS, () => 0);

  assert.deepEqual([1, 2, 3].map(() => latest.pause("back off")), [500, 1_000, 2_000]);
  assert.deepEqual([1, 2].map(() => earliest.pause("at once")), [0, 500]);
  for (let number = 0; number < 2_000; number += 1) latest.pause("back off");
  assert.equal(latest.pause("back off"), 30_000);
});

test("getToken is asked at each connect, so that no token is frozen", async () => {
  const server = new ScriptedServer();
  let asked = 0;
  const { chat, peer } = await connected(server, { getToken: async () => `t${(asked += 1)}` });

  peer.closes(4100);
  const second = (await server.connection()).welcomes();
  second.closes(4301, "token_expired");
  const third = await server.connection();

  assert.deepEqual([peer.token, second.token, third.token], ["t1", "t2", "t3"]);
  await chat.close();
});

test("a client reconnects from every close but 40xx", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  let current = peer;
  for (const code of [1006, 1000, 1011, 4100, 4102, 4129, 4200, 4301]) {
    current.closes(code);
    current = (await server.connection()).welcomes();
  }
  const sending = chat.send("general", "hi");
  current.closes(4003, "forbidden: banned");

  await assert.rejects(sending, { code: "forbidden", closeCode: 4003 });
  assert.deepEqual(chat.connection, { state: "stopped", code: 4003, reason: "forbidden: banned" });
  await chat.close();
});

test("drain says when to come back", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  const states = [];
  chat.on("connection", ({ state }) => states.push(state));
  peer.says({ type: "drain", reconnect_in_ms: 1 });
  peer.closes(4200, "draining");
  (await server.connection()).welcomes();

  assert.deepEqual(states, ["waiting", "connecting", "online"]);
  await chat.close();
});

test("a server that was away for long is found again", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server, { limits: { unreachableForMs: 0 } });
  server.isDown = true;
  peer.closes(1006);
  const failures = new Promise((resolve) => {
    let waits = 0;
    chat.on("connection", ({ state }) => { if (state === "waiting" && (waits += 1) === 5) resolve(); });
  });
  await failures;
  server.isDown = false;

  (await server.connection()).welcomes();
  assert.equal(chat.connection.state, "online");
  await chat.close();
});

test("opening fails after its time, with a typed error", async () => {
  const server = new ScriptedServer();
  server.isDown = true;
  const chat = server.client({ limits: { openMs: 0 } });

  await assert.rejects(chat.open(), { name: "Unreachable", code: "unreachable" });
  assert.equal(chat.connection.state, "stopped");
  await chat.close();
});

test("a peer that is not Parley is no reason for a busy loop", async () => {
  const server = new ScriptedServer();
  const chat = server.client({ limits: { backoffMinMs: 10_000 } });
  chat.open().catch(() => {});
  (await server.connection()).says("<html>");
  await settle();

  assert.equal(chat.connection.state, "waiting");
  assert.equal(server.connections.length, 1);
  await chat.close();
});

test("frames and events that this version doesn't know are ignored", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);

  peer.says({ type: "weather" }, { type: "poll.created", room: "nowhere", seq: 1, at: "now" }, { type: "ack", re: "?" });

  assert.equal(chat.connection.state, "online");
  await chat.close();
});

test("silence is found out with a ping", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  peer.welcomes = null;
  peer.closes(4200);
  const second = (await server.connection()).welcomes({ heartbeat_seconds: 0.001 });

  await second.hears("ping");
  second.says({ type: "pong" });
  await second.hears("ping");
  const third = await server.connection();
  assert.equal(second.isClosed, true);
  third.welcomes();
  await chat.close();
});

test("waking checks the connection, or connects at once", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server, { limits: { unreachableRetryMs: 60_000, wakePongMs: 1 } });
  chat.wake();
  await peer.hears("ping");
  // No pong: the device slept for hours, and the connection is dead.
  const second = (await server.connection()).welcomes();
  server.isDown = true;
  second.closes(1006);
  await settle();
  await new Promise((resolve) => chat.on("connection", ({ state }) => state === "waiting" && resolve()));
  server.isDown = false;

  chat.wake();
  (await server.connection()).welcomes();
  assert.equal(chat.connection.state, "online");
  await chat.close();
});

test("the browser tells when the device wakes up, until the client is closed", () => {
  const document = new EventTarget();
  Object.assign(globalThis, { document, addEventListener: document.addEventListener.bind(document) });
  const told = [];
  const stop = watchDevice(() => told.push("wake"), () => told.push("offline"));
  const fire = (type, more) => document.dispatchEvent(Object.assign(new Event(type), more));

  document.hidden = true;
  fire("visibilitychange");
  document.hidden = false;
  fire("visibilitychange");
  fire("online");
  fire("pageshow", { persisted: false });
  fire("pageshow", { persisted: true });
  fire("offline");
  stop();
  fire("online");

  delete globalThis.document;
  delete globalThis.addEventListener;
  assert.deepEqual(told, ["wake", "wake", "wake", "offline"]);
});

test("a network that is gone is not waited for, and one that is back is used", async () => {
  const device = new EventTarget();
  Object.assign(globalThis, { document: device, addEventListener: device.addEventListener.bind(device) });
  const server = new ScriptedServer();
  const { chat } = await connected(server, { limits: { backoffMinMs: 30 } });
  const reason = new Promise((resolve) => chat.on("connection", ({ state, reason }) => state === "waiting" && resolve(reason)));

  device.dispatchEvent(new Event("offline"));
  assert.equal(await reason, "offline");
  device.dispatchEvent(new Event("online"));
  (await server.connection()).welcomes();

  assert.equal(chat.connection.state, "online");
  await chat.close();
  delete globalThis.document;
  delete globalThis.addEventListener;
});

test("listeners don't pile up", async () => {
  const server = new ScriptedServer();
  const { chat, peer } = await connected(server);
  const heard = [];
  const listener = ({ by }) => heard.push(by);
  const mounted = new AbortController();
  chat.on("typing", listener);
  const off = chat.on("typing", listener, { signal: mounted.signal });
  const typing = { type: "typing", room: "general", by: "bo", on: true };

  peer.says(typing);
  off();
  peer.says(typing);
  chat.on("typing", listener, { signal: mounted.signal });
  mounted.abort();
  peer.says(typing);
  chat.on("typing", listener, { signal: mounted.signal });
  peer.says(typing);

  assert.deepEqual(heard, ["bo"]);
  await chat.close();
});

test("closing never hangs, and can be asked for at any time", async () => {
  const server = new ScriptedServer();
  const never = server.client();
  await never.close();
  await never.close();
  const opening = server.client();
  const opened = opening.open();
  await opening.close();
  await assert.rejects(opened, { code: "closed" });
  const stuck = server.client({ getToken: () => new Promise(() => {}), limits: { closeMs: 1 } });
  stuck.open().catch(() => {});
  await stuck.close();
  const given = new AbortController();
  const { chat, peer } = await connected(server, { signal: given.signal });
  given.abort();
  assert.equal(chat.connection.state, "closed");
  assert.equal(peer.isClosed, true);
});

test("arguments that make no sense are refused", () => {
  const { WebSocket } = new ScriptedServer();
  const make = (url, options) => () => new Client(url, { WebSocket, ...options });

  assert.throws(make("ftp://chat", { getToken: () => "t" }), TypeError);
  assert.throws(make("http://user:password@chat", { getToken: () => "t" }), TypeError);
  assert.throws(make("http://chat", {}), TypeError);
  assert.throws(make("http://chat", { username: "ana" }), TypeError);
  assert.throws(make("http://chat", { getToken: () => "t", username: "a", password: "b" }), TypeError);
  assert.ok(new Refused("muted", "Muted.") instanceof Error);
});
