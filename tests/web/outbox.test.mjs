// Outbox of unsent messages, and reactions to close codes.

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

test("one message per room is in flight at a time, in order", () => {
  const outbox = outboxWith("a", "b");

  assert.deepEqual(ids(outbox.takeDue(0)), ["a"]);
  assert.deepEqual(ids(outbox.takeDue(0)), []);

  outbox.onAck("a", 7);
  assert.deepEqual(ids(outbox.takeDue(0)), ["b"]);
});

test("rooms don't wait for each other", () => {
  const outbox = outboxWith("a");
  outbox.add({ id: "b", room: "attic", text: "text", at: AT });

  assert.deepEqual(ids(outbox.takeDue(0)), ["a", "b"]);
});

test("messages in flight at a disconnect are sent again, with the same id", () => {
  const outbox = outboxWith("a", "b");
  outbox.takeDue(0);

  outbox.onDisconnect();

  assert.deepEqual(ids(outbox.takeDue(0)), ["a"]);
});

test("a stored message stays until its event has arrived, and is not sent again", () => {
  const outbox = outboxWith("a");
  outbox.takeDue(0);
  outbox.onAck("a", 7);
  outbox.onDisconnect();

  assert.deepEqual(ids(outbox.takeDue(0)), []);
  assert.deepEqual(ids(outbox.entriesOf("general")), ["a"]);

  outbox.removeUpTo("general", 7);
  assert.deepEqual(outbox.entriesOf("general"), []);
});

test("a refused message stays, with the reason, and does not block the next one", () => {
  const outbox = outboxWith("a", "b");
  outbox.takeDue(0);

  outbox.onError("a", { code: "muted", detail: "You are muted here." }, 0);

  const [first] = outbox.entriesOf("general");
  assert.deepEqual([first.state, first.detail], [Sending.FAILED, "You are muted here."]);
  assert.deepEqual(ids(outbox.takeDue(0)), ["b"]);

  outbox.retry("a");
  outbox.onAck("b", 8);
  assert.deepEqual(ids(outbox.takeDue(0)), ["a"]);
});

test("slow mode delays a message and those after it", () => {
  const outbox = outboxWith("a", "b");
  outbox.takeDue(0);

  outbox.onError("a", { code: "slow_mode", detail: "…", retry_after: 5 }, 1_000);

  assert.deepEqual(ids(outbox.takeDue(5_999)), []);
  assert.equal(outbox.nextDelay(5_999), 1);
  assert.deepEqual(ids(outbox.takeDue(6_000)), ["a"]);
});

test("saved messages are sent after a reload", () => {
  let saved = [];
  const outbox = new Outbox([], (entries) => { saved = JSON.parse(JSON.stringify(entries)); });
  outbox.add({ id: "a", room: "general", text: "text", at: AT });
  outbox.takeDue(0);

  assert.deepEqual(ids(new Outbox(saved).takeDue(0)), ["a"]);
});

test("40xx does not reconnect", () => {
  for (const code of [4000, 4001, 4003, 4009]) assert.equal(afterClose(code, 0).retry, false);
});

test("41xx and unlisted codes back off, at random, up to a cap", () => {
  const latest = (code, failures) => afterClose(code, failures, { random: () => 1 }).delayMs;

  for (const code of [4100, 4108, 4129, 1006, 1009, 1011]) {
    assert.equal(latest(code, 0), 500);
    assert.equal(latest(code, 3), 4_000);
    assert.equal(latest(code, 30), 30_000);
  }
  assert.equal(afterClose(4100, 3, { random: () => 0 }).delayMs, 0);
});

test("42xx reconnects at once or after the delay of drain, with back-off from the second failure", () => {
  assert.equal(afterClose(4200, 0).delayMs, 0);
  assert.equal(afterClose(4200, 0, { drainMs: 700 }).delayMs, 700);
  assert.equal(afterClose(4200, 1, { drainMs: 700, random: () => 1 }).delayMs, 1_000);
});

test("43xx asks for a fresh token first", () => {
  const { retry, delayMs, freshToken } = afterClose(4301, 0);

  assert.deepEqual([retry, delayMs, freshToken], [true, 0, true]);
});
