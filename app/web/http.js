/**
 * Where the server is, and what its errors say to the user.
 */

import { ParleyError } from "./client/errors.js";

/** The server's base URL, also behind a path prefix: this file is below its `web/`. */
export const BASE = new URL(import.meta.url.replace(/web\/([^/]+\/)*[^/]*$/, ""));

// Sentences for codes whose message is written for developers.
const SENTENCES = {
  registration_closed: "This server does not accept new accounts.",
  username_taken: "That username is taken.",
  room_exists: "A room with that name already exists.",
  room_not_found: "There is no such room, or you don't have access to it.",
  user_not_found: "There is no user with that name.",
  rate_limited: "Too many requests. Wait a moment and try again.",
  unavailable: "The server is busy. Try again in a moment.",
  internal: "Something went wrong on the server.",
};

/** A failure whose message is a sentence for the user; `code` and `status` as in the client's error. */
export class ApiError extends Error {
  constructor(cause, sentence = sentenceOf(cause)) {
    super(sentence, { cause });
    this.code = cause.code;
    // 0: without an answer.
    this.status = cause.status ?? 0;
  }
}

/** The result of a request; its failure becomes an `ApiError`. */
export async function forUser(request) {
  try {
    return await request;
  } catch (error) {
    // A request that was cancelled, or a fault of this page.
    throw error instanceof ParleyError ? new ApiError(error) : error;
  }
}

/** A module that is imported when it is first needed: without a network, it can't be. */
export function whenLoaded(importing) {
  return importing.catch(() => {
    throw new Error("The server can't be reached.");
  });
}

/** A path whose inserted parts are encoded: path`rooms/${name}/pins`. */
export function path(parts, ...values) {
  return parts.reduce((whole, part, index) => whole + encodeURIComponent(values[index - 1]) + part);
}

// For example "username: String should have at least 3 characters."
function sentenceOf({ code, message, errors = [] }) {
  if (SENTENCES[code]) return SENTENCES[code];
  const [first] = errors;
  if (first === undefined) return message;
  const field = (first.loc ?? []).filter((part) => part !== "body").join(".");
  return field ? `${field}: ${first.msg}` : first.msg;
}
