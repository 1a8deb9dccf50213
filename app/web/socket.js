/**
 * The transport: one WebSocket that comes back.
 *
 * It says hello with the token as a subprotocol (so that it is in no URL and
 * no log), notices silence, and after a close does what the hundreds of the
 * code ask for. It knows nothing of rooms; losing it loses no message.
 *
 *     stopped ── start() ──▶ connecting ── welcome ──▶ online
 *        ▲                      ▲   │                    │
 *        │ 40xx, stop()         │   ▼    close           │
 *        └────────────────── waiting ◀───────────────────┘
 */

const PROTOCOL = "parley.v1";

// The n-th failure in a row waits for a random time up to base · 2ⁿ, so that
// the clients of a restarted server don't all come back in the same moment.
const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 30_000;

// A connection that has lived this long was a success: back-off starts anew.
const STABLE_MS = 10_000;

// From `new WebSocket` to `welcome`. Mobile networks need a few seconds.
const CONNECT_TIMEOUT_MS = 15_000;

// Silence beyond the server's heartbeat before we ask, and how long we wait for `pong`.
const SILENCE_GRACE_MS = 10_000;
const PONG_TIMEOUT_MS = 10_000;

// Until `welcome` tells.
const HEARTBEAT_MS = 25_000;

// What a browser reports when the connection broke without a close frame.
const CLOSED_ABNORMALLY = 1006;

/** What to do after a close: pure, so that it can be tested. */
export function afterClose(code, failures, { drainMs = null, random = Math.random } = {}) {
  const backoff = random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** failures);
  const atOnce = failures === 0 ? 0 : backoff;
  switch (Math.floor(code / 100)) {
    case 40:
      return { retry: false };
    case 42:
      return { retry: true, delayMs: failures === 0 ? (drainMs ?? 0) : backoff, freshToken: false };
    case 43:
      return { retry: true, delayMs: atOnce, freshToken: true };
    default:
      return { retry: true, delayMs: backoff, freshToken: false };
  }
}

export class Socket {
  // "stopped", "connecting", "online" or "waiting"
  state = "stopped";

  #url;
  #token;
  #onFrame;
  #onState;
  #socket = null;
  #failures = 0;
  #freshToken = false;
  #drainMs = null;
  #heartbeatMs = HEARTBEAT_MS;
  // One timer each: the next try, silence, stability.
  #retryTimer = null;
  #silenceTimer = null;
  #stableTimer = null;
  // Counts tries, so that a token that arrives late starts nothing.
  #attempt = 0;

  /**
   * @param token async ({fresh}) → an access token. Rejects with `final: true`
   *   when there will never be one, otherwise we try again.
   * @param onFrame called with each frame, parsed.
   * @param onState called with `{state, code?, reason?}`.
   */
  constructor(url, { token, onFrame, onState }) {
    this.#url = url;
    this.#token = token;
    this.#onFrame = onFrame;
    this.#onState = onState;
  }

  // Lifecycle

  start() {
    if (this.state === "stopped") this.#connect();
  }

  stop(detail = {}) {
    this.#abandon();
    this.#become("stopped", detail);
  }

  // Somebody pressed "Try now", or the network is back.
  retryNow() {
    if (this.state !== "waiting") return;
    this.#failures = Math.min(this.#failures, 1);
    this.#connect();
  }

  // Actions

  /** Send a frame if we are online. What isn't sent is the caller's to keep. */
  send(frame) {
    if (this.state !== "online") return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  // Internal

  async #connect() {
    this.#abandon();
    const attempt = ++this.#attempt;
    this.#become("connecting");
    let token;
    try {
      token = await this.#token({ fresh: this.#freshToken });
    } catch (error) {
      if (attempt !== this.#attempt) return;
      if (error.final) this.stop({ code: 4001, reason: error.message });
      else this.#closed(CLOSED_ABNORMALLY, error.message);
      return;
    }
    if (attempt !== this.#attempt) return;
    this.#freshToken = false;
    const socket = new WebSocket(this.#url, [PROTOCOL, `bearer.${token}`]);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#heard(data);
    socket.onclose = ({ code, reason }) => this.#closed(code, reason);
    this.#silenceTimer = setTimeout(() => this.#lost("no answer"), CONNECT_TIMEOUT_MS);
  }

  #heard(data) {
    this.#listen();
    const frame = JSON.parse(data);
    if (frame.type === "welcome") {
      this.#heartbeatMs = frame.heartbeat_seconds * 1_000;
      this.#stableTimer = setTimeout(() => { this.#failures = 0; }, STABLE_MS);
      this.#listen();
      this.#become("online");
    }
    if (frame.type === "drain") this.#drainMs = frame.reconnect_in_ms;
    this.#onFrame(frame);
  }

  // A browser can't see the server's pings: after silence, ask.
  #listen() {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => {
      this.send({ type: "ping" });
      this.#silenceTimer = setTimeout(() => this.#lost("no answer"), PONG_TIMEOUT_MS);
    }, this.#heartbeatMs + SILENCE_GRACE_MS);
  }

  #lost(reason) {
    this.#closed(CLOSED_ABNORMALLY, reason);
  }

  #closed(code, reason) {
    const next = afterClose(code, this.#failures, { drainMs: this.#drainMs });
    this.#abandon();
    this.#failures += 1;
    this.#drainMs = null;
    if (!next.retry) {
      this.#become("stopped", { code, reason });
      return;
    }
    this.#freshToken ||= next.freshToken;
    this.#retryTimer = setTimeout(() => this.#connect(), next.delayMs);
    this.#become("waiting", { code, reason });
  }

  // Let go of the socket without waiting for its close: on a dead network the
  // closing handshake takes minutes.
  #abandon() {
    this.#attempt += 1;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#silenceTimer);
    clearTimeout(this.#stableTimer);
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  #become(state, detail = {}) {
    this.state = state;
    this.#onState({ state, ...detail });
  }
}
