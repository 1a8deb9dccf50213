/**
 * A client of Parley, the self-hosted chat backend.
 *
 *     const chat = new Client("https://chat.example.org", { getToken });
 *     for await (const event of chat.room("general")) console.log(event);
 *
 * One connection for all rooms, which comes back by itself; nothing is missed and nothing is sent twice.
 */

export { Client } from "./client.js";
export { MemoryCursors, StoredCursors } from "./cursors.js";
export { Closed, NotAcknowledged, ParleyError, Refused, RoomEnded, Unreachable } from "./errors.js";
export { Http } from "./http.js";
export { LIMITS } from "./limits.js";
export { IndexedDbOutbox, MemoryOutbox } from "./outbox_store.js";
export { Room } from "./room.js";
export { StoredTokens } from "./stored_tokens.js";
export { tokensOf } from "./tokens.js";

/** @typedef {import("./types.js").Ack} Ack */
/** @typedef {import("./types.js").ClientOptions} ClientOptions */
/** @typedef {import("./types.js").Connection} Connection */
/** @typedef {import("./types.js").Cursor} Cursor */
/** @typedef {import("./types.js").CursorStore} CursorStore */
/** @typedef {import("./types.js").LogEvent} LogEvent */
/** @typedef {import("./types.js").MessageCreated} MessageCreated */
/** @typedef {import("./types.js").OutboxEntry} OutboxEntry */
/** @typedef {import("./types.js").OutboxStore} OutboxStore */
/** @typedef {import("./types.js").RoomEvent} RoomEvent */
/** @typedef {import("./types.js").Tokens} Tokens */
/** @typedef {import("./types.js").TokenStore} TokenStore */
/** @typedef {import("./types.js").Welcome} Welcome */
