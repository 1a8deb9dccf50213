"""
Every limit, timeout and size that is not a setting, with its unit and its reason.

These are defaults: classes take the limits that their tests vary as constructor arguments. The
limits that operators change are fields of ``app.config.settings.Settings``. ``docs/limits.md``
lists both.
"""

# --- What users write ----------------------------------------------------------------

# Long enough for a page of prose, short enough that a page of 200 stays under 1 MB.
MAX_TEXT_CHARACTERS = 4_000
# The client's own JSON on a message: a card or a location, not a file.
MAX_DATA_BYTES = 4 * 1024
MAX_TITLE_CHARACTERS = 200
MAX_DISPLAY_NAME_CHARACTERS = 64
# On one letter, in titles and display names; more cover the lines above (UTS #39, section 5.4).
MAX_MARKS_IN_A_ROW = 4
MAX_ROOM_NAME_CHARACTERS = 64
MIN_USERNAME_CHARACTERS = 3
MAX_USERNAME_CHARACTERS = 32
# OWASP ASVS 5.0, 6.2.1 (at least 8) and 6.2.9 (at least 64 allowed); the cap bounds hashing.
MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_CHARACTERS = 256
# A UUID is 36; 64 leaves room for a prefix.
MAX_CLIENT_ID_CHARACTERS = 64
# One emoji with skin tones and joiners is far shorter.
MAX_EMOJI_CHARACTERS = 32
MAX_EMOJIS_PER_MESSAGE = 20
# Further mentions in a message are plain text.
MAX_MENTIONS_PER_MESSAGE = 50
# In a room: a mention of all members this often, and so many at once. Each may notify hundreds.
ROOM_MENTION_SECONDS = 60
ROOM_MENTION_BURST = 5
# Users whom one mention of those who are present means, of more only so many: 140 KB on disk.
MAX_PRESENT_MENTIONED = 20_000
# Names that one mention may mean: "@ben.k.See" may be of ben.k.see, ben.k or ben.
MAX_NAMES_PER_MENTION = 4
# Six hours; a slower room is for announcements only.
MAX_SLOW_MODE_SECONDS = 21_600
# Largest integer that JavaScript represents exactly (RFC 8259, section 6).
MAX_INTEGER = 2**53 - 1
# A seq takes 32 bits of an event's primary key.
MAX_SEQ = 2**32 - 1
# Ours have 12; an epoch belongs to every cursor that a client sends.
MAX_EPOCH_CHARACTERS = 64

# --- Pages ---------------------------------------------------------------------------

DEFAULT_PAGE = 50
MAX_PAGE = 200
DEFAULT_EVENTS_PAGE = 1_000
MAX_EVENTS_PAGE = 1_000
# In a room with more users online, presence is a count without names.
MAX_PRESENT_LISTED = 200
MAX_WELCOME_ROOMS = 200
# Counting stops here; clients show "99+".
MAX_UNREAD_COUNTED = 100

# --- Search --------------------------------------------------------------------------

# A longer text is not a useful query.
MAX_QUERY_CHARACTERS = 200
# Each term is one look-up in the index.
MAX_QUERY_TERMS = 16
# Longer runs are not words; PostgreSQL accepts lexemes of up to 2,046 bytes.
MAX_WORD_CHARACTERS = 64
# About three lines on a phone.
SNIPPET_CHARACTERS = 160

# --- One connection ------------------------------------------------------------------

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
# A client is warned this long before its token expires, or half the token's life if that is less.
AUTH_EXPIRING_SECONDS = 60

# Sockets written to in one turn of the event loop, at 5 µs each, so that incoming data is read
# soon, and the writer's thread gets the interpreter lock soon after COMMIT. A lone sender in a
# room of 100 loses 6 % at 4 and 15 % at 8; ten senders lose nothing at 2.
FANOUT_SLICE = 2
# The slice doubles in each turn while no commit begins, up to this: 0.2 ms.
FANOUT_QUIET_SLICE = 32
# A fan-out pauses for commits that begin within this after its event, and for at most this long
# at a time; then it sends all of their events at once.
FANOUT_PATIENCE_SECONDS = 0.002
# A fan-out that has waited twice that long is finished in this many turns, whatever its size.
FANOUT_LATE_TURNS = 8

# --- The log over HTTP ---------------------------------------------------------------

# Proxies and clients consider a stream dead that is silent for longer.
STREAM_PING_SECONDS = 15.0
# Browsers reconnect after this, unless the page closes its EventSource at `end`.
STREAM_RETRY_MS = 3_000
# Not above the idle timeouts of proxies, most of which are a minute.
MAX_WAIT_SECONDS = 60

# --- The log -------------------------------------------------------------------------

# Appends per transaction: large enough that the cost of a commit per message vanishes, small
# enough that the next batch doesn't wait long.
MAX_BATCH_APPENDS = 512
# Rooms that one transaction locks (PostgreSQL); more would block other nodes.
MAX_BATCH_ROOMS = 64
# A batch is held open for the clients just answered while their next appends keep arriving, with
# gaps of at most this share of the last batch's duration...
GATHER_SHARE = 0.5
# ...and for at most this long.
MAX_GATHER_SECONDS = 0.001
# A read waits for others to share its query while each turn of the event loop brings one, for at
# most this long: too short to notice, and long enough for thirty connections to open.
MAX_LOAD_GATHER_SECONDS = 0.005
# Appends that wait for a batch: half a second at 20,000/s; more is overload.
MAX_QUEUED_APPENDS = 10_000
# Failed commits in a row after which /ready reports it.
FAILED_COMMITS_UNTIL_NOT_READY = 3
# Read markers wait up to this long to be written with a batch.
READ_MARKER_SECONDS = 1.0
# Events that one page of a replay reads from the log.
REPLAY_PAGE_EVENTS = 500
# Concurrent replays from disk per node; further ones queue.
MAX_DISK_REPLAYS = 16
# How often a page is read again because the room changed during the read.
MAX_STALE_READS = 20
# Encoded events kept in memory, per room with a feed and in total.
REPLAY_BUFFER_ROOM_BYTES = 512 * 1024
REPLAY_BUFFERS_BYTES = 64 * 1024 * 1024
# Pages of newest messages kept per room with a feed, one for each requested `limit`.
MAX_REMEMBERED_PAGES = 4
# Encoded pages of messages kept until their room changes, in total...
KEPT_PAGES_BYTES = 16 * 1024 * 1024
# ...and the largest page kept: 200 long messages are read again each time.
KEPT_PAGE_BYTES = 256 * 1024
# Memory of a kept page besides its bytes; counted, so that empty pages are bounded too.
KEPT_PAGE_OVERHEAD_BYTES = 512
# Users whose send rate is tracked: about 10 MB.
MAX_REMEMBERED_BUCKETS = 100_000
# Room names cached with their ids: about 3 MB.
MAX_REMEMBERED_ROOMS = 10_000
# The feed of a room without subscribers is dropped after this.
ROOM_FEED_IDLE_SECONDS = 60.0
# How often a node compares the heads of its rooms and the revocations with the database, in case
# a notification was lost.
POLL_SECONDS = 1.0
# A node sends itself a notification through the broker this often...
BROKER_PROBE_SECONDS = 5.0
# ...and counts as deaf when it has heard none for this long: two, and then it connects anew.
BROKER_DEAF_SECONDS = 10.0
# The pause before the broker is connected to again.
BROKER_RETRY_SECONDS = 1.0
# How long a node that stops waits until the others are notified of the last that it wrote.
BROKER_CLOSE_SECONDS = 0.5
# Notifications that wait while the broker is away, and signals of other nodes that wait for the
# database. More notifications are replaced by one that says "look
# everywhere". About 2 MB.
MAX_PENDING_NOTIFICATIONS = 10_000
# Messages of 8 KB, PostgreSQL's most, that one transaction sends on the channel; then it says
# "look everywhere". Some 1,500 rooms.
MAX_NOTIFY_MESSAGES = 8
# Messages that are published to Redis at once, and the largest one: some 12,000 rooms.
MAX_PUBLISHED_MESSAGES = 8
MAX_PUBLISHED_BYTES = 64 * 1024
# How long Redis is given to accept a connection, and to take what is published.
REDIS_SECONDS = 2.0

# A century: unlimited retention is the way to keep events longer.
MAX_RETENTION_DAYS = 36_500
# Events that retention removes in one transaction: a few milliseconds of the writer.
RETENTION_BATCH_EVENTS = 500
# How often rooms are checked for events that are too old.
RETENTION_SECONDS = 3_600.0
# Messages of an erased account deleted per transaction; each costs as much as a send.
ERASURE_BATCH_MESSAGES = 200
# An erasure that failed because of the database is retried after this.
ERASURE_RETRY_SECONDS = 60.0

# Revocations read again in each poll, because ids become visible out of order.
REVOCATIONS_LOOK_BACK = 100
REVOCATIONS_PER_POLL = 1_000

# New messages are indexed for search this much later, in batches...
INDEX_SECONDS = 2.0
# ...of at most this many events, which take two milliseconds of the writer...
INDEX_BATCH = 100
# ...and at least this many, for less than one millisecond...
INDEX_SMALL_BATCH = 20
# ...in about this many batches...
INDEX_BATCHES = 16
# ...with pauses of this many times the batch's duration: a tenth of the writer's time.
INDEX_PAUSE_FACTOR = 9
# A short backlog waits up to this long for a moment when a fan-out has just finished.
INDEX_IDLE_WAIT_SECONDS = 0.02
# Deleted words are removed from the search index and the write-ahead log after this...
PURGE_SECONDS = 5.0
# ...in steps of so many pages: 14 ms of the writer's time at most, with 200,000 messages...
PURGE_STEP_PAGES = 64
# ...and not again for this many times the duration: at most a twentieth of the time.
PURGE_PAUSE_FACTOR = 20
# At a stop, for so long; what is left then is removed after the next start.
PURGE_CLOSE_SECONDS = 2.0
# Ranges of unindexed messages kept in memory, 200 bytes each; with more, the log is searched for
# what is unindexed.
MAX_UNINDEXED_RANGES = 100_000

# --- Presence ------------------------------------------------------------------------

# A reconnect within this changes no presence.
PRESENCE_GRACE_SECONDS = 15.0
# Presence changes within this are sent together.
PRESENCE_GATHER_SECONDS = 0.2
# Presence counts of large rooms are sent at most this often.
PRESENCE_COUNT_SECONDS = 2.0
# How often a node says that it still runs, and compares what it knows of the others...
PRESENCE_REFRESH_SECONDS = 15.0
# ...and how long after the last time its users count as present elsewhere: two may be lost.
PRESENCE_EXPIRY_SECONDS = 45.0
# Nodes whose users are shown elsewhere.
MAX_NODES = 100
# Rooms that one node says who is present in...
MAX_NODE_ROOMS = 100_000
# ...users whom it names in one room: names are listed in smaller rooms only...
MAX_SHARED_PRESENT = 20_000
# ...and the size of that: 20,000 ids, or 200 users with the longest names.
MAX_SHARED_PRESENT_BYTES = 256 * 1024
# Users who are present on other nodes, counted once for each of their rooms: about 60 MB.
MAX_REMOTE_PRESENT = 200_000
# Rooms that a notification of presence names; for more it says "compare all".
MAX_NOTIFIED_ROOMS = 100
ACTIVITY_SECONDS = 2.0
# Events of other nodes that are looked through for `activity` at a time; of more, only the last.
MAX_REMOTE_EVENTS = 500
# A signal about one user to a room, as nodes pass it on: names and a number.
MAX_SIGNAL_CHARACTERS = 500
# A typing signal that isn't renewed expires.
TYPING_SECONDS = 6.0
# `read` signals are sent only in rooms with at most this many connections.
MAX_MEMBERS_FOR_READ_SIGNALS = 20

# --- Logins --------------------------------------------------------------------------

# A refresh token that was used this recently indicates a lost response or a second tab.
REFRESH_GRACE_SECONDS = 10
# RFC 8725 asks for bounded input; Parley's own tokens are about 400 bytes.
MAX_TOKEN_CHARACTERS = 4_096
# Verified access tokens kept in memory, 800 bytes each: about the number of active users.
MAX_KNOWN_TOKENS = 5_000
# HS256 needs a key as long as its hash (RFC 7518, section 3.2).
MIN_SECRET_BYTES = 32
# Concurrent password hashes; each takes 19 MiB and 20 ms of a core.
PASSWORD_THREADS = 2
# Of those threads: messages come first on a busy core (nice(2): 0 is usual, 19 comes last).
PASSWORD_NICENESS = 10
# Password checks that wait for a thread: 2 s of work; further ones are `unavailable`.
MAX_QUEUED_PASSWORDS = 200
MAX_SESSION_LABEL_CHARACTERS = 120
# Lifetime of the token with which a command authenticates to a running server.
OPERATOR_TOKEN_SECONDS = 60
# How often logins that ended long ago are deleted.
SWEEP_SECONDS = 3_600.0
# "Last used" of a login is written at most this often.
LAST_USED_SECONDS = 60

# An office behind one address may mistype passwords; password spraying is limited.
ADDRESS_LIMIT_FACTOR = 10
# How long Redis is given to count an attempt...
COUNTER_SECONDS = 0.5
# ...and how long it is not asked after it has failed to: each node then counts for itself.
COUNTER_PAUSE_SECONDS = 5.0
# How often a node deletes counters from the database that have ended.
COUNTER_SWEEP_SECONDS = 600.0
# Addresses kept with the users who have logged in from them: 2 MB.
MAX_REMEMBERED_ADDRESSES = 10_000
# How far the clocks of two nodes may differ: a token from the near future is accepted.
MAX_CLOCK_SKEW_SECONDS = 60

# --- Invites -------------------------------------------------------------------------

# A year; an invitation without an expiry never ends.
MAX_INVITE_SECONDS = 365 * 24 * 60 * 60
# More than any room needs; it fits the column.
MAX_INVITE_USES = 1_000_000

# --- The process ---

# A line that a fault repeats is logged this often, with the number of those left out.
REPEATED_LINE_SECONDS = 60.0
# Kinds of such lines that are told apart; with more, counting begins anew.
MAX_REPEATED_KINDS = 1_000

# Files that a server without clients has open, with some to spare: it doesn't start with fewer.
FILES_OF_SERVER = 40
# A limit of open files below this is reported: even a small deployment reaches it.
FEW_FILES = 1_024
# How often it is tried whether a file can be opened.
FILES_CHECK_SECONDS = 1.0
# Objects allocated before a garbage collection; Python's default of 700 suits scripts.
GC_THRESHOLD = 20_000
# How often the process looks whether it has grown by so much: then the collector looks at all.
# With 10,000 connections that takes it a tenth of a second.
GC_SECONDS = 5.0
GC_GROWTH_BYTES = 32 * 1024 * 1024
# How often the lag of the event loop is measured: often enough that a scrape every 15 s has 30
# values, and too rarely to be noticed.
LOOP_LAG_PROBE_SECONDS = 0.5

# --- The database --------------------------------------------------------------------

SQLITE_BUSY_MS = 5_000
SQLITE_READERS = 4
# How long a checkpoint that empties the write-ahead log waits for readers; then it is tried later.
SQLITE_CHECKPOINT_MS = 100
# A SQLite file of an earlier version is rewritten at the first start if it is not larger, 1 GiB:
# some 10 s. It holds what was deleted in the unused parts of its pages.
MAX_REWRITTEN_BYTES = 2**30
# The write-ahead log is checkpointed when it reaches this, 16 MiB. A checkpoint stalls the writer
# for milliseconds; at SQLite's default of 1,000 pages after every 160th single message.
SQLITE_WAL_PAGES = 4_000
# Rows that a move reads and writes at once: 64 MB if all are edited messages of full length.
MOVE_PAGE_ROWS = 2_000
# How often the paths of a SQLite database are compared with the files that are open. They are also
# compared at each commit; this is for /ready while nothing is written.
DATABASE_FILES_SECONDS = 1.0
# How long a start waits for SQLite's check of the whole file, which then goes on in the background
# if the last process was killed. A start takes about as long otherwise.
INTEGRITY_CHECK_SECONDS = 0.5
# A page of messages is compared with the log if it spans at most this many events: a millisecond.
MAX_COMPARED_EVENTS = 5_000
# Threads that read from PostgreSQL, each with a connection that it opens when it is first used.
POSTGRES_READERS = 4
# The same for what writes beside the committer, which has one of its own.
POSTGRES_WRITERS = 3
# How long a transaction waits for a lock of another program on PostgreSQL.
POSTGRES_LOCK_SECONDS = 5
# How long the committer waits for a row that is locked elsewhere: all other rooms wait with it.
POSTGRES_LOG_LOCK_MS = 200
# How long an append to a room that is locked elsewhere is tried again; then it is `unavailable`.
LOCKED_ROOM_SECONDS = 5.0
# How long and how often the outcome of a commit is asked for after its connection was lost.
READ_BACK_SECONDS = 5.0
READ_BACK_PAUSE_SECONDS = 0.2
# How long a transaction on PostgreSQL may hold its locks while its node says nothing: one that is
# frozen must not stop the others.
POSTGRES_IDLE_SECONDS = 5
# How long one statement may take on PostgreSQL; migrations and checks have no such limit.
POSTGRES_STATEMENT_SECONDS = 15
# How long a transaction on PostgreSQL may take in all, its turn and the network included. Then its
# connection is cut: a server that hangs doesn't end it.
POSTGRES_TRANSACTION_SECONDS = 20
# How often it is logged that rooms are locked elsewhere.
POSTGRES_LOG_SECONDS = 60.0
# How long one address of a PostgreSQL server is given to accept a connection.
POSTGRES_CONNECT_SECONDS = 5
# A PostgreSQL server that is gone without a word is noticed after about this long.
POSTGRES_KEEPALIVE_SECONDS = 10
# A second process on the same SQLite file waits this long for the first to exit.
LOCK_WAIT_SECONDS = 5.0
