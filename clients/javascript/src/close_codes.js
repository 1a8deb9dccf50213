/** What to do when a connection ends, by the hundreds of its close code (docs/protocol.md, 2.4). */

import { Refused } from "./errors.js";

/** The connection ended without a close frame (RFC 6455, 7.4.1). */
export const ABNORMAL = 1006;

export const UNAUTHORIZED = 4001;

/** @typedef {"stop" | "back off" | "at once" | "new token"} Step */

/** @type {Record<number, string>} */
const CODES = { 4000: "bad_request", 4001: "unauthorized", 4003: "forbidden", 4004: "room_not_found" };

/** @param {number} code @returns {Step} */
export function nextStep(code) {
  switch (Math.floor(code / 100)) {
    case 40: return "stop";
    case 42: return "at once";
    case 43: return "new token";
    default: return "back off";
  }
}

/** The error for a close code after which a client stops. @param {number} code @param {string} reason */
export function stopReason(code, reason) {
  const name = CODES[code] ?? (reason.split(":")[0] || String(code));
  return new Refused(name, reason || `The server closed the connection: ${code}.`, { closeCode: code });
}

/**
 * The pauses between attempts to connect: doubled, bounded, random by half, so that the clients
 * of a restarted server don't return at the same moment.
 */
export class Backoff {
  /** Connections in a row that ended before they had caught up. */
  failures = 0;

  #min;
  #max;
  #random;

  /** @param {{ backoffMinMs: number, backoffMaxMs: number }} limits */
  constructor({ backoffMinMs, backoffMaxMs }, random = Math.random) {
    this.#min = backoffMinMs;
    this.#max = backoffMaxMs;
    this.#random = random;
  }

  /** Count a failure; return the milliseconds to wait after it. @param {Step} step */
  pause(step) {
    this.failures += 1;
    if (step !== "back off" && this.failures === 1) return 0;
    const longest = Math.min(this.#max, this.#min * 2 ** (this.failures - 1));
    return longest * (0.5 + this.#random() / 2);
  }

  reset() {
    this.failures = 0;
  }
}
