/**
 * What can go wrong. Every error has a `code`; its message is a sentence for people.
 *
 *     ParleyError
 *     ├── Unreachable       no usable answer: DNS, refused, timed out, or not from Parley
 *     ├── NotAcknowledged   a request that was not answered in time; its outcome is unknown
 *     ├── Closed            the client was closed, or not opened
 *     ├── RoomEnded         access to a room has ended
 *     └── Refused           the server said no; `code` is one of docs/errors.md
 */

/** @import { FieldError } from "./types.js" */

/** Base of all errors of this package. */
export class ParleyError extends Error {
  /** @param {string} code @param {string} message @param {ErrorOptions} [options] */
  constructor(code, message, options) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The server gave no usable answer: while opening, and over HTTP. Later the client reconnects. */
export class Unreachable extends ParleyError {
  /** @param {string} message @param {unknown} [cause] */
  constructor(message, cause) {
    super("unreachable", message, { cause });
  }
}

/** Not answered in time. Send again with `id`: what was carried out is not done twice. */
export class NotAcknowledged extends ParleyError {
  /** @param {string} id @param {number} ms */
  constructor(id, ms) {
    super("not_acknowledged", `The request was not acknowledged within ${ms / 1_000} s.`);
    this.id = id;
  }
}

/** The client was closed, or not opened. */
export class Closed extends ParleyError {
  constructor(message = "The client is closed.") {
    super("closed", message);
  }
}

/** Access to a room has ended: `reason` is left, removed, banned or archived. */
export class RoomEnded extends ParleyError {
  /** @param {string} room @param {string} reason */
  constructor(room, reason) {
    super("room_ended", `Access to ${room} has ended: ${reason}.`);
    this.room = room;
    this.reason = reason;
  }
}

/** The server answered with an error. */
export class Refused extends ParleyError {
  /**
   * @param {string} code stable; see docs/errors.md
   * @param {string} detail for people
   * @param {{ retryAfterMs?: number | null, status?: number, closeCode?: number, errors?: FieldError[] }} [facts]
   */
  constructor(code, detail, { retryAfterMs = null, status = 0, closeCode = 0, errors = [] } = {}) {
    super(code, detail);
    /** When the same request can succeed, if the server says so. */
    this.retryAfterMs = retryAfterMs;
    /** Of HTTP; 0: not over HTTP. */
    this.status = status;
    /** With which the server closed the connection; 0: it did not. */
    this.closeCode = closeCode;
    /** Which fields are invalid. */
    this.errors = errors;
  }

  /** Whether the same request can succeed later. */
  get isTemporary() {
    return TEMPORARY.has(this.code);
  }
}

const TEMPORARY = new Set(["rate_limited", "slow_mode", "internal", "unavailable"]);

/**
 * The error of an `error` frame or a problem document.
 *
 * @param {Record<string, any>} body @param {number} [status]
 */
export function refused({ code, detail, retry_after: after, errors }, status = 0) {
  return new Refused(
    String(code ?? "unknown"),
    typeof detail === "string" ? detail : `The server answered with ${code}.`,
    {
      status,
      retryAfterMs: typeof after === "number" ? after * 1_000 : null,
      errors: Array.isArray(errors) ? errors : [],
    },
  );
}
