/**
 * One HTTP request.
 *
 * `call` sends one request. Every failure is an `ApiError` whose message is a
 * sentence for the user and whose `code` is the protocol's error code.
 */

// The server's base URL, also behind a path prefix: this file is below its `web/`.
export const BASE = new URL(import.meta.url.replace(/web\/([^/]+\/)*[^/]*$/, ""));

export const SOCKET_URL = new URL("ws", BASE);
SOCKET_URL.protocol = BASE.protocol === "https:" ? "wss:" : "ws:";

// Sentences for codes whose `detail` is written for developers.
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

export class ApiError extends Error {
  constructor(message, { code = "internal", status = 0, final = false } = {}) {
    super(message);
    this.code = code;
    this.status = status;
    // Whether a retry can't succeed.
    this.final = final;
  }
}

/** Send one request. Returns the parsed body, or null if there is none. */
export async function call(method, path, { token = null, json, form, key, signal } = {}) {
  const headers = { Accept: "application/json" };
  let body;
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  if (key !== undefined) headers["Idempotency-Key"] = key;
  if (form !== undefined) body = new URLSearchParams(form);
  if (json !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(json);
  }
  let response;
  try {
    response = await fetch(new URL(path, BASE), { method, headers, body, signal, credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("The server can't be reached.", { code: "network" });
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw errorFrom(response.status, answer);
  return answer;
}

function errorFrom(status, problem) {
  const code = problem?.code ?? "internal";
  return new ApiError(SENTENCES[code] ?? firstError(problem), { code, status });
}

// For example "username: String should have at least 3 characters."
function firstError(problem) {
  const [first] = problem?.errors ?? [];
  if (first === undefined) return problem?.detail ?? "The server refused the request.";
  const field = (first.loc ?? []).filter((part) => part !== "body").join(".");
  return field ? `${field}: ${first.msg}` : first.msg;
}

/** A path whose inserted parts are encoded: path`rooms/${name}/pins`. */
export function path(parts, ...values) {
  return parts.reduce((whole, part, index) => whole + encodeURIComponent(values[index - 1]) + part);
}
