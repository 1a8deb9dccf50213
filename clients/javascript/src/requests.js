/** A request on its way: its id, and what it looks like from either side. */

/** @import { Ack, Frame, OutboxEntry } from "./types.js" */

/** The requests that change a room, and are carried out once for each `id`. */
export const CHANGES = new Set(["send", "edit", "delete", "react", "pin"]);

/**
 * @typedef {object} Request
 * @property {Frame} frame
 * @property {string} at
 * @property {number} order
 * @property {"waiting" | "sent" | "failed"} state
 * @property {{ code: string, detail: string } | null} error
 * @property {number} notBefore
 * @property {number} tries
 * @property {number} deadline
 * @property {((answer: Frame) => void) | null} resolve null: no promise waits for it
 * @property {((reason: unknown) => void) | null} reject
 */

/**
 * @param {string} id @param {string} room @param {string} text
 * @param {{ replyTo?: number | null, data?: Record<string, unknown> | null }} more
 * @returns {Frame}
 */
export function sendFrame(id, room, text, { replyTo, data }) {
  return { type: "send", id, room, text, ...(replyTo && { reply_to: replyTo }), ...(data && { data }) };
}

/** @param {Request} request @returns {OutboxEntry} */
export function entryOf({ frame: { id, room, text, reply_to: replyTo = null, data = null }, at, state, error }) {
  return { id, room, text, replyTo, data, at, state, error };
}

/** @param {Frame} answer @returns {Ack} */
export function ackOf({ seq = null, at, duplicate = false }) {
  return { seq, at, duplicate };
}

/** A random UUID (RFC 9562, 5.4). `crypto.randomUUID` is available on https and localhost only. */
export function randomId() {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))];
  const hex = bytes.map((byte, index) => {
    if (index === 6) byte = (byte & 0x0f) | 0x40;
    if (index === 8) byte = (byte & 0x3f) | 0x80;
    return byte.toString(16).padStart(2, "0");
  }).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
