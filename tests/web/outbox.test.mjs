// What is kept until it is acknowledged, and what a close code asks for.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Outbox, Sending } from "../../app/web/outbox.js";
import { afterClose } from "../../app/web/socket.js";

const AT = "2026-11-21T08:00:00.123Z";

function outboxWith(...ids) {
  const outbox = new Outbox();
  for (const id of ids) outbox.add({ id, room: "general", text: `text ${id}`, at: AT });
  return outbox;
}

function ids(entries) {
  return entries.map(({ id }) => id);
}

test("one message of a room is under way at a time, in order", () => {
  const outbox = outboxWith("a", "b");

  assert.deepEqual(ids(outbox.take(0)), ["a"]);
  assert.deepEqual(ids(outbox.take(0)), []);

  outbox.acked("a", 7);
  assert.deepEqual(ids(outbox.take(0)), ["b"]);
});

test("rooms don't wait for each other", () => {
  const outbox = outboxWith("a");
  outbox.add({ id: "b", room: "attic", text: "text", at: AT });

  assert.deepEqual(ids(outbox.take(0)), ["a", "b"]);
});

test("what was under way when the connection broke is sent again, with the same id", () => {
  const outbox = outboxWith("a", "b");
  outbox.take(0);

  outbox.disconnected();

  assert.deepEqual(ids(outbox.take(0)), ["a"]);
});

test("a stored message is shown until its event has arrived, and not sent again", () => {
  const outbox = outboxWith("a");
  outbox.take(0);
  outbox.acked("a", 7);
  outbox.disconnected();

  assert.deepEqual(ids(outbox.take(0)), []);
  assert.deepEqual(ids(outbox.of("general")), ["a"]);

  outbox.arrived("general", 7);
  assert.deepEqual(outbox.of("general"), []);
});

test("a refused message stays, with the reason, and lets the next one pass", () => {
  const outbox = outboxWith("a", "b");
  outbox.take(0);

  outbox.refused("a", { code: "muted", detail: "You are muted here." }, 0);

  const [first] = outbox.of("general");
  assert.deepEqual([first.state, first.detail], [Sending.FAILED, "You are muted here."]);
  assert.deepEqual(ids(outbox.take(0)), ["b"]);

  outbox.retry("a");
  outbox.acked("b", 8);
  assert.deepEqual(ids(outbox.take(0)), ["a"]);
});

test("slow mode holds back until its time, and what comes after with it", () => {
  const outbox = outboxWith("a", "b");
  outbox.take(0);

  outbox.refused("a", { code: "slow_mode", detail: "…", retry_after: 5 }, 1_000);

  assert.deepEqual(ids(outbox.take(5_999)), []);
  assert.equal(outbox.wait(5_999), 1);
  assert.deepEqual(ids(outbox.take(6_000)), ["a"]);
});

test("what is kept for the next life of the page is sent in it", () => {
  let kept = [];
  const outbox = new Outbox([], (entries) => { kept = JSON.parse(JSON.stringify(entries)); });
  outbox.add({ id: "a", room: "general", text: "text", at: AT });
  outbox.take(0);

  assert.deepEqual(ids(new Outbox(kept).take(0)), ["a"]);
});

test("40xx stops and asks", () => {
  for (const code of [4000, 4001, 4003, 4009]) assert.equal(afterClose(code, 0).retry, false);
});

test("41xx and codes that nobody listed back off, at random, up to a cap", () => {
  const latest = (code, failures) => afterClose(code, failures, { random: () => 1 }).delayMs;

  for (const code of [4100, 4108, 4129, 1006, 1009, 1011]) {
    assert.equal(latest(code, 0), 500);
    assert.equal(latest(code, 3), 4_000);
    assert.equal(latest(code, 30), 30_000);
  }
  assert.equal(afterClose(4100, 3, { random: () => 0 }).delayMs, 0);
});

test("42xx comes back at once, or when drain said, with back-off from the second failure", () => {
  assert.equal(afterClose(4200, 0).delayMs, 0);
  assert.equal(afterClose(4200, 0, { drainMs: 700 }).delayMs, 700);
  assert.equal(afterClose(4200, 1, { drainMs: 700, random: () => 1 }).delayMs, 1_000);
});

test("43xx asks for a fresh token first", () => {
  const { retry, delayMs, freshToken } = afterClose(4301, 0);

  assert.deepEqual([retry, delayMs, freshToken], [true, 0, true]);
});
