/**
 * The HTTP API, as far as the page uses it.
 *
 * `call` sends one request. Every failure is an `ApiError` whose message is a
 * sentence for the user and whose `code` is the protocol's error code.
 */

// The server's base URL: one level above this file, also behind a path prefix.
export const BASE = new URL("../", import.meta.url);

export const SOCKET_URL = new URL("ws", BASE);
SOCKET_URL.protocol = BASE.protocol === "https:" ? "wss:" : "ws:";

// The server's largest page. A list of rooms beyond this many pages is cut off.
const PAGE_LIMIT = 200;
const PAGES = 5;

// A server that takes longer to say that it is alive is of no use.
const HEALTH_TIMEOUT_MS = 5_000;

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
export async function call(method, path, { token = null, json, form, signal } = {}) {
  const headers = { Accept: "application/json" };
  let body;
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  if (form !== undefined) body = new URLSearchParams(form);
  if (json !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(json);
  }
  let response;
  try {
    response = await fetch(new URL(path, BASE), { method, headers, body, signal, credentials: "omit" });
  } catch {
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

export class Api {
  #session;

  constructor(session) {
    this.#session = session;
  }

  /** Whether the server answers at all. Never rejects. */
  isServerUp() {
    const signal = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
    return fetch(new URL("health", BASE), { credentials: "omit", signal }).then(({ ok }) => ok, () => false);
  }

  /** The user's rooms and the public ones. */
  async rooms() {
    const rooms = [];
    let after = null;
    for (let page = 0; page < PAGES; page += 1) {
      const query = new URLSearchParams({ limit: PAGE_LIMIT, ...(after && { after }) });
      const answer = await this.#ask("GET", `rooms?${query}`);
      rooms.push(...answer.rooms);
      after = answer.next;
      if (after === null) break;
    }
    return rooms;
  }

  room(name) {
    return this.#ask("GET", `rooms/${encodeURIComponent(name)}`);
  }

  /** One of the user's rooms or the public ones, or null: not an error that a browser logs. */
  async findRoom(name) {
    const { rooms } = await this.#ask("GET", `rooms?${new URLSearchParams({ q: name, limit: PAGE_LIMIT })}`);
    return rooms.find((room) => room.name === name) ?? null;
  }

  createRoom({ name, kind, title }) {
    return this.#ask("POST", "rooms", { json: { name, kind, ...(title && { title }) } });
  }

  directRoom(username) {
    return this.#ask("PUT", `rooms/direct/${encodeURIComponent(username)}`);
  }

  /** A page of messages; `where` holds `before`, `after` or `around`, and `limit`. */
  messages(room, where, signal) {
    return this.#ask("GET", `rooms/${encodeURIComponent(room)}/messages?${new URLSearchParams(where)}`, { signal });
  }

  /** A page of events; `where` holds `since`, `limit`, and `wait`: seconds to wait for one. */
  events(room, where, signal) {
    return this.#ask("GET", `rooms/${encodeURIComponent(room)}/events?${new URLSearchParams(where)}`, { signal });
  }

  addMember(room, username) {
    return this.#ask("PUT", this.#member(room, username), { json: {} });
  }

  leave(room, me) {
    return this.#ask("DELETE", this.#member(room, me));
  }

  // Internal

  #member(room, username) {
    return `rooms/${encodeURIComponent(room)}/members/${encodeURIComponent(username)}`;
  }

  async #ask(method, path, body = {}) {
    const token = await this.#session.token();
    try {
      return await call(method, path, { token, ...body });
    } catch (error) {
      if (error.code !== "token_expired") throw error;
      // This clock is slow, or the machine was suspended after the token was read.
      return call(method, path, { token: await this.#session.token({ fresh: true }), ...body });
    }
  }
}
