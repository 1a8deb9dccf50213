/** The messages of a room, as a view shows them: kept up to date by its events. */

/** @import { Client } from "./client.js" */
/** @import { LogEvent, MessageCreated, RoomEvent } from "./types.js" */

const HISTORY = 50;
const KEPT = 1_000;

/**
 * Follow a room from its newest messages on: yields what there is, and again after each change.
 *
 *     for await (const { messages } of readMessages(chat, "general", { signal })) draw(messages);
 *
 * It begins with a page of history, whatever cursor is kept, as a view that is opened anew needs it.
 * One at a time per room and client: a second one ends the first. Ends with `signal`; throws as
 * `chat.room` does.
 *
 * @param {Client} chat
 * @param {string} room
 * @param {{ history?: number, keep?: number, signal?: AbortSignal }} [options] `history`: so many messages at
 *   first, at most 200; `keep`: at most so many in memory, the newest
 * @returns {AsyncGenerator<{ messages: readonly MessageCreated[], isLive: boolean }, void>} messages, oldest first;
 *   whether all that happened before has come
 */
export async function* readMessages(chat, room, { history = HISTORY, keep = KEPT, signal } = {}) {
  const path = `rooms/${encodeURIComponent(room)}/messages`;
  const page = /** @type {any} */ (await chat.http("GET", path, { query: { limit: history }, signal }));
  /** @type {readonly MessageCreated[]} */
  let messages = page.messages.map((/** @type {any} */ message) => ({ type: "message.created", room, ...message }));
  let isLive = false;
  yield { messages, isLive };
  for await (const event of chat.room(room, { since: { seq: page.head, epoch: page.epoch }, signal })) {
    const before = messages;
    messages = applyEvent(messages, event, keep);
    if (messages === before && event.type !== "caught_up") continue;
    isLive ||= event.type === "caught_up";
    yield { messages, isLive };
  }
}

/**
 * The messages of a room after an event, oldest first. Changes nothing in place: the array is the
 * same if the event concerns no message, as for reactions, so a view can compare by identity.
 *
 * @param {readonly MessageCreated[]} messages before the event
 * @param {RoomEvent} event as an iteration of `chat.room(…)` yields it
 * @param {number} [keep] at most so many messages, the newest
 * @returns {readonly MessageCreated[]}
 */
export function applyEvent(messages, event, keep = KEPT) {
  switch (event.type) {
    case "reset":
      return [];
    case "message.created":
      // Applied already: a replay may overlap.
      if (event.seq <= (messages.at(-1)?.seq ?? 0)) return messages;
      return [...messages, event].slice(-keep);
    case "message.edited":
      return changed(messages, event.ref, { text: event.text, edited_at: event.at });
    case "message.deleted":
      return changed(messages, event.ref, { text: null, deleted_at: event.at });
    default:
      return messages;
  }
}

/**
 * @param {readonly MessageCreated[]} messages
 * @param {number} seq
 * @param {Partial<MessageCreated>} fields
 * @returns {readonly MessageCreated[]}
 */
function changed(messages, seq, fields) {
  if (!messages.some((message) => message.seq === seq)) return messages;
  return messages.map((message) => (message.seq === seq ? { ...message, ...fields } : message));
}
