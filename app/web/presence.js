/**
 * Who is online and who is typing in a room. Pure: time is an argument.
 */

// A typing indicator without a repetition expires: twice the resend interval.
const TYPING_MS = 6_000;

export class Presence {
  /** How many users are online; may be more than are known by name. */
  count = 0;

  #names = new Set();
  #typing = new Map();

  onJoined({ present, present_count: count }) {
    this.#names = new Set(present ?? []);
    this.count = count;
    this.#typing.clear();
  }

  apply({ by, online, count }) {
    if (count !== undefined) this.#names.clear();
    else if (online) this.#names.add(by);
    else this.#names.delete(by);
    this.count = count ?? this.#names.size;
  }

  applyTyping({ by, on }, now) {
    if (on) this.#typing.set(by, now + TYPING_MS);
    else this.#typing.delete(by);
  }

  stopsTyping(name) {
    this.#typing.delete(name);
  }

  /** Indicators are lost with the connection. */
  onDisconnect() {
    this.#typing.clear();
  }

  clear() {
    this.#names.clear();
    this.#typing.clear();
    this.count = 0;
  }

  has(name) {
    return this.#names.has(name);
  }

  names() {
    return [...this.#names].sort();
  }

  typing(now) {
    for (const [name, until] of this.#typing) if (until <= now) this.#typing.delete(name);
    return [...this.#typing.keys()].sort();
  }
}
