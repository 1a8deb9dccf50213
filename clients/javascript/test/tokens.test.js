// Log-ins: exchanged one at a time, retried if a response is lost, ended once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { StoredTokens } from "../src/index.js";
import { ScriptedServer, connected } from "./scripted_server.js";

function pair(number, seconds = 900) {
  return { body: { access_token: `a${number}`, refresh_token: `r${number}`, expires_in: seconds } };
}

const EXPIRED = { status: 401, body: { code: "token_expired", detail: "Expired." } };

/** A server whose tokens are numbered; `latest` is the one that it takes. */
function tokenServer() {
  const server = new ScriptedServer();
  server.latest = 0;
  server.routes.token = () => pair((server.latest += 1));
  server.routes["token/revoke"] = () => ({ body: null });
  server.routes["users/me"] = () => {
    const { headers } = server.requests.at(-1);
    return headers.Authorization === `Bearer a${server.latest}` ? { body: { username: "ana" } } : EXPIRED;
  };
  return server;
}

const BY_PASSWORD = { username: "ana", password: "correct horse" };

test("a client logs in, and logs out what it has begun", async () => {
  const server = tokenServer();
  const { chat, peer } = await connected(server, BY_PASSWORD);

  assert.equal(peer.token, "a1");
  await chat.close();

  const [login, logout] = server.requests;
  assert.deepEqual(login.body, { grant_type: "password", ...BY_PASSWORD });
  assert.deepEqual([logout.path, logout.body], ["token/revoke", { token: "r1" }]);
});

test("requests that meet an expired token share one exchange", async () => {
  const server = tokenServer();
  const { chat } = await connected(server, BY_PASSWORD);
  server.latest = 7;

  const users = await Promise.all([1, 2, 3].map(() => chat.http("GET", "/users/me")));

  assert.deepEqual(users.map(({ username }) => username), ["ana", "ana", "ana"]);
  const exchanges = server.requests.filter(({ path }) => path === "token");
  assert.deepEqual(exchanges.map(({ body }) => body.refresh_token), [undefined, "r1"]);
  await chat.close();
});

test("a token that expires is replaced on the open connection", async () => {
  const server = tokenServer();
  const { chat, peer } = await connected(server, BY_PASSWORD);

  peer.says({ type: "auth_expiring", expires_in: 60 });

  assert.equal((await peer.hears("auth")).token, "a2");
  await chat.close();
});

test("a lost response is asked for again with the same token", async () => {
  const server = tokenServer();
  const { chat, peer } = await connected(server, BY_PASSWORD);
  let tries = 0;
  server.routes.token = () => {
    tries += 1;
    if (tries < 3) throw new TypeError("fetch failed");
    return pair(2);
  };
  peer.closes(4301, "token_expired");

  assert.equal((await server.connection()).token, "a2");
  assert.deepEqual(server.requests.slice(-3).map(({ body }) => body.refresh_token), ["r1", "r1", "r1"]);
  await chat.close();
});

test("a session that has ended begins anew with a password, and ends the client without", async () => {
  const server = tokenServer();
  const refuses = () => ({ status: 401, body: { code: "unauthorized", detail: "The log-in has ended." } });
  const { chat, peer } = await connected(server, BY_PASSWORD);
  server.routes.token = (form) => (form.get("refresh_token") ? refuses() : pair(5));
  peer.closes(4301);
  assert.equal((await server.connection()).token, "a5");
  await chat.close();

  const other = await connected(server, { tokens: { access: "a0", refresh: "r0", expiresAt: null } });
  const sending = other.chat.send("general", "hi");
  other.peer.closes(4301);
  await assert.rejects(sending, { code: "unauthorized" });
  assert.equal(other.chat.connection.state, "stopped");
  await other.chat.close();
});

test("a wrong password is an error, and no reason to try again", async () => {
  const server = new ScriptedServer();
  server.routes.token = () => ({ status: 401, body: { code: "unauthorized", detail: "Wrong." } });
  const chat = server.client(BY_PASSWORD);

  await assert.rejects(chat.open(), { name: "Refused", code: "unauthorized", status: 401 });
  await assert.rejects(chat.send("general", "hi"), { code: "unauthorized" });
  assert.equal(server.requests.length, 1);
  await chat.close();
});

test("an answer that is not Parley's is no error of the log-in", async () => {
  const server = new ScriptedServer();
  server.routes.token = () => ({ status: 502, text: "<html>Bad gateway" });
  const chat = server.client({ ...BY_PASSWORD, limits: { openMs: 0 } });

  await assert.rejects(chat.open(), { code: "unreachable", message: "http://chat.test answered 502, which is not a response of Parley." });
  await chat.close();
});

test("tabs share a log-in, and what one has exchanged the others take", async () => {
  const kept = new Map();
  const storage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  };
  const server = tokenServer();
  server.latest = 3;
  const tokens = new StoredTokens(storage, "t");
  tokens.save({ access: "a1", refresh: "r1", expiresAt: null });
  const first = server.client({ tokens });
  const second = server.client({ tokens: new StoredTokens(storage, "t") });

  await first.http("GET", "users/me");
  await second.http("GET", "users/me");

  assert.equal(server.requests.filter(({ path }) => path === "token").length, 1);
  assert.equal(tokens.load().access, "a4");
  tokens.save(null);
  await assert.rejects(second.http("GET", "users/me"), { code: "unauthorized" });
  await first.close();
  await second.close();
});

test("a tab that waits for another's exchange takes its tokens, whatever is asked meanwhile", async () => {
  const server = tokenServer();
  server.latest = 2;
  let tokens = { access: "a1", refresh: "r1", expiresAt: Date.now() };
  let release;
  const released = new Promise((resolve) => { release = resolve; });
  const store = {
    load: () => tokens,
    save: (others) => { tokens = others; },
    exclusive: (work) => released.then(work),
  };
  const chat = server.client({ tokens: store });

  const waiting = chat.http("GET", "users/me");
  tokens = { access: "a2", refresh: "r2", expiresAt: null };
  await chat.http("GET", "users/me");
  release();
  await waiting;

  assert.deepEqual(server.requests.map(({ path }) => path), ["users/me", "users/me"]);
  await chat.close();
});

test("a token that is about to expire is renewed before it is used", async () => {
  const server = tokenServer();
  const chat = server.client({ tokens: { access: "old", refresh: "r0", expiresAt: Date.now() + 1_000 } });

  assert.equal((await chat.http("GET", "users/me")).username, "ana");
  assert.deepEqual(server.requests.map(({ path }) => path), ["token", "users/me"]);
  await chat.close();
});

test("a getToken that fails is asked again; what it gives is checked", async () => {
  const server = new ScriptedServer();
  const answers = [() => { throw new Error("their server is down"); }, () => "good"];
  const chat = server.client({ getToken: () => answers.shift()() });
  const opening = chat.open();
  assert.equal((await server.connection()).welcomes().token, "good");
  await opening;
  await chat.close();

  await assert.rejects(server.client({ getToken: () => "two words" }).open(), { code: "unauthorized" });
});

test("a request over HTTP ends with its signal", async () => {
  const server = new ScriptedServer();
  server.routes.rooms = () => ({ waits: true });
  const { chat } = await connected(server);
  const given = new AbortController();
  const asking = chat.http("GET", "rooms", { query: { q: "a", after: null }, signal: given.signal });

  setImmediate(() => given.abort(new Error("enough")));
  await assert.rejects(asking, { message: "enough" });
  await chat.close();
});
