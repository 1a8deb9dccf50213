"""What one connection may send, cause, hold and wait for, beside the settings."""

# OWASP WebSocket cheat sheet.
MAX_FRAME_BYTES = 64 * 1024
MAX_BODY_BYTES = 256 * 1024
MAX_ROOMS_PER_CONNECTION = 64
# Under the 60 s idle timeout that nginx applies to a proxied connection.
HEARTBEAT_SECONDS = 25
PONG_TIMEOUT_SECONDS = 20
# A request, body included, must arrive within this; slower clients occupy a connection.
REQUEST_SECONDS = 10.0
# Between two requests of a connection; proxies that keep theirs open longer open another.
KEEP_ALIVE_SECONDS = 5.0
# The limit of h11 and nginx; tokens and cookies are far smaller.
MAX_HEADER_BYTES = 64 * 1024
# Of its target: what RFC 9112, section 3, wants supported at least, and as nginx has it.
MAX_TARGET_BYTES = 8_000
# Browsers behind a chain of proxies send some forty; each is an object. As websockets has it.
MAX_HEADERS = 128
# One header of a handshake. As websockets has it, and nginx.
MAX_HANDSHAKE_HEADER_BYTES = 8 * 1024
# What a request has beside its body (empty lines before it, its header, sizes and extensions of
# chunks, trailers) may have MAX_HEADER_BYTES, and this for each byte of body: as much as a chunk
# of one byte needs, and half again.
CHUNK_FRAMING_FACTOR = 8
# Bytes of a body that the app has not taken: then reading pauses. As uvicorn has it.
MAX_UNREAD_BODY_BYTES = 64 * 1024
# What one connection is read and parsed of in a turn of the loop. A piece of HTTP ends with an
# empty line or after so many bytes, and takes 2 µs; each chunk of a body that is in it counts as
# one, too, at 0.3 µs: at most 0.2 ms more. A WebSocket frame is a message at some 40 µs: 3 ms.
READ_PIECE_BYTES = 4 * 1024
READ_PIECES_PER_TURN = 64
READ_FRAMES_PER_TURN = 64
# Handshakes that are begun in a turn of the event loop, at 60 µs each; addresses take turns.
HANDSHAKES_PER_TURN = 32
# Requests of HTTP that reach the app in a turn of the event loop, at up to 1 ms each; addresses
# take turns. A crowd that logs in at once leaves the others' messages their share.
REQUESTS_PER_TURN = 8
# Requests of HTTP that were sent before the one ahead of them was answered: so many in so many
# seconds, of all connections together; addresses take turns. No browser sends any.
PIPELINED_AT_ONCE = 4
PIPELINED_SECONDS = 0.02
# Bytes that may wait behind a request until it is answered: a thousand of the shortest requests.
# With more, which no client sends, the connection ends after that answer.
MAX_PIPELINED_BYTES = 32 * 1024
# Pings, pongs that were not asked for and fragments of a connection; more is `rate_limited`
# (4129). A frame of the largest size in 64-byte fragments just passes.
CONTROL_FRAMES_PER_SECOND = 100
CONTROL_FRAME_BURST = 1_024
# What a peer may still send when its connection has been ended, and is thrown away: as much as
# it may have sent before it noticed.
LINGER_BYTES = 256 * 1024
# A response that is still being taken when its connection has ended gets as long again only if the
# peer took so much meanwhile: 0.8 KB/s. One that takes a byte at a time holds nothing.
LINGER_PROGRESS_BYTES = 4_096
# The fast path takes handshakes below the limits of the websockets library (lines of 8,192 bytes,
# 128 headers) and passes larger ones on to it, so that the library answers them.
MAX_PLAIN_HANDSHAKE_BYTES = 8_000
MAX_HANDSHAKE_HEADERS = 100
# A client that sends this many invalid frames in a row is broken.
MAX_BAD_FRAMES_IN_A_ROW = 20
# A client that is rate-limited this often within the window ignores the errors.
MAX_RATE_LIMITED = 100
RATE_LIMITED_WINDOW_SECONDS = 10.0
# Unanswered requests of one connection, after which reading from it pauses.
MAX_PENDING_REQUESTS = 1_000
# If MAX_UNSENT_BYTES is 0, a replay keeps the unsent bytes below half of this.
MAX_UNSENT_IN_REPLAY_BYTES = 256 * 1024
# Bytes that a replay from memory writes at a time.
REPLAY_CHUNK_BYTES = 32 * 1024
# A client that reads no byte of a replay for this long has stopped reading.
REPLAY_STALL_SECONDS = 30.0
# The kernel's send buffer of one WebSocket; only bytes beyond it count as unsent. Linux doubles
# the value: 128 KiB in flight are 1.3 MB/s at a round trip of 100 ms, and two segments of the
# loopback interface. With one, as behind a proxy on the same machine, each waits 40 ms for a
# delayed ACK.
SOCKET_SEND_BUFFER_BYTES = 64 * 1024
# The same of a connection that speaks HTTP: 2.6 MB/s at a round trip of 100 ms. Linux would let it
# grow to 4 MB for each peer that reads no answers.
HTTP_SEND_BUFFER_BYTES = 128 * 1024
# Of a WebSocket: with more unsent than this, `drained` waits. A replay waits for it at half of
# MAX_UNSENT_BYTES or more, which is at least as much.
WRITE_HIGH_WATER_BYTES = 32 * 1024
# A peer that acknowledges no written data (TCP level) for this long is gone.
TCP_USER_TIMEOUT_MS = 20_000
# Before a restart, `drain` spreads the reconnects of clients to about this rate...
RECONNECTS_PER_SECOND = 1_000
# ...but tells no client to wait longer than this.
MAX_RECONNECT_MS = 30_000
# At a stop, the share of SHUTDOWN_SECONDS after which waiting for the database fails: the rest is
# for telling the clients.
INTERRUPT_SHARE = 0.75
# A closing handshake, or a last flush, that takes longer is aborted.
CLOSE_SECONDS = 5.0
# How long a client that is closed for not reading gets to receive the close frame, plus or minus
# half of it, so that many of them don't end at once.
SLOW_CLOSE_SECONDS = 1.0
# A user who has as many connections as allowed opens another: a connection whose client doesn't
# answer a ping within this makes room. A phone on a slow network takes a second...
PROBE_SECONDS = 3.0
# ...an event stream has no pongs: the kernel is asked this often whether the client's has
# acknowledged a comment...
PROBE_LOOK_SECONDS = 0.1
# ...the oldest are asked, as many as a user's devices leave behind...
MAX_PROBED_CONNECTIONS = 16
# ...and so many new ones may wait for the answer; others are refused at once.
MAX_WAITING_CONNECTIONS = 16
# Nodes that share a Redis tell each other this often how many connections each user has...
CONNECTION_COUNT_SECONDS = 15
# ...which is true of a node that says nothing more for so long: it may have been killed.
CONNECTION_COUNT_EXPIRY_SECONDS = 45
# Those beyond the limit are closed after there have been too many for longer than that: clients
# that have come back from a node that ends are not counted twice.
EXCESS_CONNECTIONS_SECONDS = 60
# A client is warned this long before its token expires, or half the token's life if that is less.
AUTH_EXPIRING_SECONDS = 60
