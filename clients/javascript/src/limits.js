/** Every wait and every buffer of a client, with its unit and its reason. Each can be set. */

export const LIMITS = Object.freeze({
  /** How long opening retries a server that doesn't answer; 0: one attempt. */
  openMs: 10_000,
  /** How long a request waits for its answer, reconnects included: ten times the longest back-off. */
  requestMs: 300_000,
  /** From `new WebSocket` to `welcome`. Mobile networks need a few seconds. */
  handshakeMs: 15_000,
  /** For an HTTP request: under load, a log-in waits in a queue for seconds. */
  httpMs: 30_000,
  /** For the answer of `/health`: a server that takes longer to say that it is alive is of no use. */
  probeMs: 5_000,
  /** Silence beyond the server's heartbeat before a `ping`. */
  silenceGraceMs: 10_000,
  /** How long a `ping` may go unanswered before the connection counts as dead. */
  pongMs: 10_000,
  /** The same after the device woke up: a person is waiting. */
  wakePongMs: 3_000,
  /** The first pause before reconnecting; doubled with each failure. */
  backoffMinMs: 500,
  /** The longest pause before reconnecting. */
  backoffMaxMs: 30_000,
  /** While nothing answers, ask this often whether the server is back; for as long, then back off. */
  unreachableRetryMs: 1_500,
  unreachableForMs: 120_000,
  /** Before asking again for what the server could not do, unless it says how long. */
  retryMs: 1_000,
  /** For closing, whatever the server does. */
  closeMs: 2_000,
  /** Requests that wait for an answer; one more is refused at once. */
  pendingRequests: 1_000,
  /** Requests on their way at the same time, at most one for each room. */
  unansweredRequests: 100,
  /** Events of a room that the application has not taken. More are left on the server. */
  bufferedEvents: 1_000,
  /** The least time between two saves of a cursor while events keep coming. */
  saveMs: 1_000,
});

/** @typedef {{ -readonly [name in keyof typeof LIMITS]: number }} Limits */
