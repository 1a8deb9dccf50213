/**
 * The transport: a WebSocket that reconnects.
 *
 * It authenticates with the token as a subprotocol (so that it is in no URL
 * and no log), detects silence, and after a close does what the hundreds of
 * the code ask for. It knows nothing of rooms; losing it loses no message.
 *
 * While the server can't be reached, its health is asked for instead of opening
 * WebSockets: browsers delay those that follow failed ones by seconds, and the
 * page should be back soon after the server is.
 *
 *     stopped ── start() ──▶ connecting ── welcome ──▶ online
 *        ▲                      ▲   │                    │
 *        │ 40xx, stop()         │   ▼    close           │
 *        └────────────────── waiting ◀───────────────────┘
 */

const PROTOCOL = "parley.v1";

// The n-th failure in a row waits for a random time up to base · 2ⁿ, so that
// the clients of a restarted server don't all reconnect at the same moment.
const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 30_000;

// While nothing answers, an attempt costs the server nothing, and the user waits: ask
// this often, between half and all of it, for as long; then back off as above.
const UNREACHABLE_RETRY_MS = 1_500;
const UNREACHABLE_FOR_MS = 120_000;

// A connection that has lasted this long resets the back-off.
const STABLE_MS = 10_000;

// From `new WebSocket` to `welcome`. Mobile networks need a few seconds.
const CONNECT_TIMEOUT_MS = 15_000;

// Silence beyond the server's heartbeat before a `ping`, and the time limit for its `pong`.
const SILENCE_GRACE_MS = 10_000;
const PONG_TIMEOUT_MS = 10_000;

// Assumed until `welcome` has the server's value.
const HEARTBEAT_MS = 25_000;

// What a browser reports if the connection ended without a close frame.
const CLOSED_ABNORMALLY = 1006;

/** What to do after a close. Pure, for tests. */
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
  #isServerUp;
  #onFrame;
  #onState;
  #socket = null;
  #failures = 0;
  #freshToken = false;
  #drainMs = null;
  // Since when nothing has answered, in milliseconds; null while something does.
  #unreachableSince = null;
  #heartbeatMs = HEARTBEAT_MS;
  // Timers for the next attempt, for silence, and for resetting the back-off.
  #retryTimer = null;
  #silenceTimer = null;
  #stableTimer = null;
  // Number of the current attempt: a token that arrives for an earlier one is ignored.
  #attempt = 0;

  /**
   * @param token async ({fresh}) → an access token. Rejects with `final: true`
   *   if there will never be one; any other rejection is retried.
   * @param isServerUp async () → whether the server answers at all.
   * @param onFrame called with each frame, parsed.
   * @param onState called with `{state, code?, reason?}`.
   */
  constructor(url, { token, isServerUp, onFrame, onState }) {
    this.#url = url;
    this.#token = token;
    this.#isServerUp = isServerUp;
    this.#onFrame = onFrame;
    this.#onState = onState;
  }

  // Lifecycle

  start() {
    if (this.state === "stopped") this.#connect();
  }

  stop(detail = {}) {
    this.#discardSocket();
    this.#setState("stopped", detail);
  }

  /** Reconnect now instead of after the back-off. Does nothing unless waiting. */
  retryNow() {
    if (this.state !== "waiting") return;
    this.#failures = Math.min(this.#failures, 1);
    this.#connect();
  }

  /** The network is gone: a connection that seems open is not to be trusted. */
  onOffline() {
    if (this.state === "online" || this.state === "connecting") this.#onUnreachable("offline");
  }

  // Actions

  /** Send a frame if online; returns whether it was sent. Nothing is queued. */
  send(frame) {
    if (this.state !== "online") return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  // Internal

  async #connect() {
    this.#discardSocket();
    const attempt = ++this.#attempt;
    this.#setState("connecting");
    const probed = this.#unreachableSince !== null;
    if (probed && !(await this.#isServerUp())) {
      if (attempt === this.#attempt) this.#onUnreachable("no answer");
      return;
    }
    if (attempt !== this.#attempt) return;
    let token;
    try {
      token = await this.#token({ fresh: this.#freshToken });
    } catch (error) {
      if (attempt !== this.#attempt) return;
      if (error.final) this.stop({ code: 4001, reason: error.message });
      else if (error.code === "network") this.#onUnreachable(error.message);
      else this.#onClose(CLOSED_ABNORMALLY, error.message);
      return;
    }
    if (attempt !== this.#attempt) return;
    this.#freshToken = false;
    const socket = new WebSocket(this.#url, [PROTOCOL, `bearer.${token}`]);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#onMessage(data);
    socket.onclose = ({ code, reason }) => {
      // A server that answers but takes no WebSocket gets the whole back-off.
      const unreachable = code === CLOSED_ABNORMALLY && !(probed && this.state === "connecting");
      if (unreachable) this.#onUnreachable(reason);
      else this.#onClose(code, reason);
    };
    this.#silenceTimer = setTimeout(() => this.#onSilence("no answer"), CONNECT_TIMEOUT_MS);
  }

  #onMessage(data) {
    this.#restartSilenceTimer();
    const frame = JSON.parse(data);
    if (frame.type === "welcome") {
      this.#unreachableSince = null;
      this.#heartbeatMs = frame.heartbeat_seconds * 1_000;
      this.#stableTimer = setTimeout(() => { this.#failures = 0; }, STABLE_MS);
      this.#restartSilenceTimer();
      this.#setState("online");
    }
    if (frame.type === "drain") this.#drainMs = frame.reconnect_in_ms;
    this.#onFrame(frame);
  }

  // Browsers hide the server's pings from scripts: after silence, send a `ping` frame.
  #restartSilenceTimer() {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => {
      this.send({ type: "ping" });
      this.#silenceTimer = setTimeout(() => this.#onSilence("no answer"), PONG_TIMEOUT_MS);
    }, this.#heartbeatMs + SILENCE_GRACE_MS);
  }

  #onSilence(reason) {
    this.#onUnreachable(reason);
  }

  // The connection broke, or there was none: find out soon whether the server is back.
  #onUnreachable(reason) {
    const now = Date.now();
    const first = this.#unreachableSince === null;
    this.#unreachableSince ??= now;
    if (now - this.#unreachableSince > UNREACHABLE_FOR_MS) {
      this.#onClose(CLOSED_ABNORMALLY, reason);
      return;
    }
    this.#discardSocket();
    const delayMs = first ? Math.random() * BACKOFF_BASE_MS : UNREACHABLE_RETRY_MS * (0.5 + Math.random() / 2);
    this.#retryTimer = setTimeout(() => this.#connect(), delayMs);
    this.#setState("waiting", { code: CLOSED_ABNORMALLY, reason });
  }

  #onClose(code, reason) {
    const next = afterClose(code, this.#failures, { drainMs: this.#drainMs });
    this.#discardSocket();
    this.#failures += 1;
    this.#drainMs = null;
    if (!next.retry) {
      this.#setState("stopped", { code, reason });
      return;
    }
    this.#freshToken ||= next.freshToken;
    this.#retryTimer = setTimeout(() => this.#connect(), next.delayMs);
    this.#setState("waiting", { code, reason });
  }

  // Drop the socket without waiting for its close: on a dead network the closing
  // handshake takes minutes.
  #discardSocket() {
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

  #setState(state, detail = {}) {
    this.state = state;
    this.#onState({ state, ...detail });
  }
}
