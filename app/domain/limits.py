"""
Every limit, timeout and size that is not a setting, with its unit and its reason.

Those that operators change are fields of ``app.config.settings.Settings``, with their defaults.
``docs/limits.md`` lists all of them.
"""

# --- What people write ---------------------------------------------------------------

# Long enough for a page of prose, short enough that a page of 200 stays under 1 MB.
MAX_TEXT_CHARACTERS = 4_000
# The client's own JSON on a message: a card or a location, not a file.
MAX_DATA_BYTES = 4 * 1024
MAX_TITLE_CHARACTERS = 200
MAX_DISPLAY_NAME_CHARACTERS = 64
MAX_ROOM_NAME_CHARACTERS = 64
MIN_USERNAME_CHARACTERS = 3
MAX_USERNAME_CHARACTERS = 32
# OWASP ASVS 5.0, 6.2.1 (at least 8) and 6.2.9 (at least 64 allowed); the cap bounds hashing.
MIN_PASSWORD_CHARACTERS = 8
MAX_PASSWORD_CHARACTERS = 256
# A UUID is 36; 64 leaves room for a prefix.
MAX_CLIENT_ID_CHARACTERS = 64
# One emoji with skin tones and joiners is well below.
MAX_EMOJI_CHARACTERS = 32
MAX_EMOJIS_PER_MESSAGE = 20
# Mentions beyond this are text: nobody pages a crowd one by one.
MAX_MENTIONS_PER_MESSAGE = 50
# Slow mode of six hours is already "announcements only".
MAX_SLOW_MODE_SECONDS = 21_600
# Largest integer that survives JavaScript (RFC 8259, section 6).
MAX_INTEGER = 2**53 - 1
# A seq takes 32 bits of an event's key.
MAX_SEQ = 2**32 - 1

# --- Pages ---------------------------------------------------------------------------

DEFAULT_PAGE = 50
MAX_PAGE = 200
DEFAULT_EVENTS_PAGE = 1_000
MAX_EVENTS_PAGE = 1_000
# A list with more present sends a count, not the names.
MAX_PRESENT_LISTED = 200
MAX_WELCOME_ROOMS = 200
# Counting stops here; clients show "99+".
MAX_UNREAD_COUNTED = 100

# --- Search --------------------------------------------------------------------------

# A page of words is not a question.
MAX_QUERY_CHARACTERS = 200
# Each is looked up by itself: more is not a question any more.
MAX_QUERY_TERMS = 16
# Longer runs without a space are no words; PostgreSQL takes 2,046 bytes at most.
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
# A request, body included, is here within this; whoever needs longer is holding us up.
REQUEST_SECONDS = 10.0
# Between two requests of a connection; proxies that keep theirs open longer open another.
KEEP_ALIVE_SECONDS = 5.0
# As large as h11 and nginx allow; tokens and cookies are far smaller.
MAX_HEADER_BYTES = 64 * 1024
# Of its target: what RFC 9112, section 3, wants supported at least, and as nginx has it.
MAX_TARGET_BYTES = 8_000
# Browsers behind a chain of proxies send some forty; each is an object. As websockets has it.
MAX_HEADERS = 128
# One header of a handshake. As websockets has it, and nginx.
MAX_HANDSHAKE_HEADER_BYTES = 8 * 1024
# What may come with a body in chunks and is none of it: sizes, extensions, trailers. As much as a
# header, and for each byte of the body as much as a chunk of one byte needs, and half again.
CHUNK_FRAMING_FACTOR = 8
# Bytes of a body that the app has not taken: then reading pauses. As uvicorn has it.
MAX_UNREAD_BODY_BYTES = 64 * 1024
# What one connection is read and parsed of in a turn of the loop. A piece of HTTP ends with an
# empty line, and takes 2 µs; a WebSocket frame is a message at some 40 µs: 3 ms.
READ_PIECES_PER_TURN = 64
READ_FRAMES_PER_TURN = 64
# Handshakes that are begun in a turn of the event loop, at 60 µs each; addresses take turns.
HANDSHAKES_PER_TURN = 32
# Requests of HTTP that were sent before the one ahead of them was answered: so many in so many
# seconds, of all connections together; addresses take turns. No browser sends any.
PIPELINED_AT_ONCE = 4
PIPELINED_SECONDS = 0.02
# Pings, pongs that were not asked for and fragments of a connection; more is `rate_limited`
# (4129). A frame of the largest size in 64-byte fragments just passes.
CONTROL_FRAMES_PER_SECOND = 100
CONTROL_FRAME_BURST = 1_024
# What a peer may still send when its connection has been ended, and is thrown away: as much as
# it may have sent before it noticed.
LINGER_BYTES = 256 * 1024
# A handshake that websockets would refuse, for a line of 8,192 bytes or at 128 headers, is left
# for it to answer: so is one that is larger altogether.
MAX_PLAIN_HANDSHAKE_BYTES = 8_000
MAX_HANDSHAKE_HEADERS = 100
# Somebody who can't form a frame this often in a row is not going to learn it.
MAX_BAD_FRAMES_IN_A_ROW = 20
# Being limited this often in ten seconds means that the client ignores the answers.
MAX_RATE_LIMITED = 100
RATE_LIMITED_WINDOW_SECONDS = 10.0
# Requests of one connection that wait for their answer; then its reading pauses.
MAX_PENDING_REQUESTS = 1_000
# Where no limit is set for what may be unsent, a replay keeps below half of this.
MAX_UNSENT_IN_REPLAY_BYTES = 256 * 1024
# What a replay writes at a time, from memory.
REPLAY_CHUNK_BYTES = 32 * 1024
# No byte taken from a replay for this long is a reader that has stopped.
REPLAY_STALL_SECONDS = 30.0
# What the kernel may buffer for one socket: beyond it our own count begins. Linux doubles it;
# 64 KiB in flight are 640 kB/s at a round trip of 100 ms.
SOCKET_SEND_BUFFER_BYTES = 32 * 1024
# A peer that takes none of what was written, on the TCP level, for this long is gone.
TCP_USER_TIMEOUT_MS = 20_000
# After a restart, clients come back at about this rate, spread by `drain`...
RECONNECTS_PER_SECOND = 1_000
# ...but nobody waits longer than this.
MAX_RECONNECT_MS = 30_000
# A closing handshake (or a last flush) that takes longer is aborted.
CLOSE_SECONDS = 5.0
# One that was cut off because it doesn't read is given about this long to hear why: half as much
# to half as much again.
SLOW_CLOSE_SECONDS = 1.0
# Before its token ends, a client hears of it.
AUTH_EXPIRING_SECONDS = 60

# Sockets that are written to in one turn of the loop, at 5 µs each: what arrives meanwhile is
# read soon. At 4 turns cost more than they bring, at 16 a lone sender loses a tenth.
FANOUT_SLICE = 8
# ...and twice as many in each turn that follows while no commit begins, up to so many: 0.2 ms.
FANOUT_QUIET_SLICE = 32
# Who is to be told of an event makes way for the next commits within this of it, and for no
# longer than this at a time; and then hears of all of them at once.
FANOUT_PATIENCE_SECONDS = 0.002
# A crowd that has waited for twice as long is told in so many turns, however large it is.
FANOUT_LATE_TURNS = 8

# --- The log over HTTP ---------------------------------------------------------------

# Proxies and clients take a stream that says nothing for longer as dead.
STREAM_PING_SECONDS = 15.0
# Browsers reconnect after this, unless the page closes its EventSource at `end`.
STREAM_RETRY_MS = 3_000
# Under the idle timeouts of proxies, most of which are a minute.
MAX_WAIT_SECONDS = 60

# --- The log -------------------------------------------------------------------------

# Appends that one transaction takes: large enough that a commit costs nothing per message,
# small enough that nobody waits long for the batch before theirs.
MAX_BATCH_APPENDS = 512
# Rooms that one transaction locks (PostgreSQL): more would hold up other nodes.
MAX_BATCH_ROOMS = 64
# A batch is held open for those just answered, as long as they keep coming: with pauses of this
# share of what the last batch took, and not longer than...
GATHER_SHARE = 0.5
MAX_GATHER_SECONDS = 0.001
# Who asks the database waits for others who ask, as long as each turn of the loop brings one, and
# not longer than this: nobody notices, and thirty connections are opened in it.
MAX_LOAD_GATHER_SECONDS = 0.005
# Appends that wait for a batch. At 20,000/s this is half a second; more is overload.
MAX_QUEUED_APPENDS = 10_000
# Failed commits in a row until /ready says so.
FAILED_COMMITS_UNTIL_NOT_READY = 3
# Read markers may wait this long for a batch to ride on.
READ_MARKER_SECONDS = 1.0
# Events that one page of a replay reads from the log.
REPLAY_PAGE_EVENTS = 500
# Replays that read from disk at once, per node; the others wait their turn.
MAX_DISK_REPLAYS = 16
# How often a page is read anew because something in the room was edited meanwhile.
MAX_STALE_READS = 20
# Encoded events kept in memory per warm room, and in all.
REPLAY_BUFFER_ROOM_BYTES = 512 * 1024
REPLAY_BUFFERS_BYTES = 64 * 1024 * 1024
# Pages of newest messages kept per warm room, one for each `limit` that is asked for.
MAX_REMEMBERED_PAGES = 4
# Pages of messages kept as HTTP answers them while their rooms stand still, in all...
KEPT_PAGES_BYTES = 16 * 1024 * 1024
# ...and the largest of them: 200 long messages are read anew.
KEPT_PAGE_BYTES = 256 * 1024
# What a kept page takes beside its bytes. It counts, so that empty pages are bounded, too.
KEPT_PAGE_OVERHEAD_BYTES = 512
# Users whose rate of sending is remembered: about 10 MB.
MAX_REMEMBERED_BUCKETS = 100_000
# Names of rooms that are remembered, with their ids: about 10 MB.
MAX_REMEMBERED_ROOMS = 50_000
# A room that nobody listens to is forgotten after this.
ROOM_FEED_IDLE_SECONDS = 60.0
# Nodes compare the heads of warm rooms and the revocations with the database this often,
# in case a doorbell was lost.
POLL_SECONDS = 1.0

# A century: what is to be kept longer is kept for good.
MAX_RETENTION_DAYS = 36_500
# Events that retention removes in one transaction: some milliseconds of the writer.
RETENTION_BATCH_EVENTS = 500
# How often rooms are looked through for events that are too old.
RETENTION_SECONDS = 3_600.0
# Messages of an erased account that one transaction blanks: each costs as much as a message.
ERASURE_BATCH_MESSAGES = 200
# An erasure that the database interrupted goes on after this.
ERASURE_RETRY_SECONDS = 60.0

# Revocations that are looked at again, because ids become visible out of order.
REVOCATIONS_LOOK_BACK = 100
REVOCATIONS_PER_POLL = 1_000

# New messages are indexed for search this much later, so many in one transaction...
INDEX_SECONDS = 2.0
# ...of these at most, which keeps the writer for two milliseconds...
INDEX_BATCH = 100
# ...and of these at least, for less than one...
INDEX_SMALL_BATCH = 20
# ...in about so many bites...
INDEX_BITES = 16
# ...with a rest in between of so many times what that took: a tenth of the writer's time.
INDEX_REST = 9
# ...and, while few wait, at a moment when somebody has just been heard by everybody, if one comes
# within this.
INDEX_PATIENCE_SECONDS = 0.02
# Runs of messages that are remembered as not indexed yet, 200 bytes each. If more wait, what is
# not indexed is looked up in the log.
MAX_UNINDEXED_RUNS = 100_000

# --- Presence ------------------------------------------------------------------------

# A reconnect within this makes no noise.
PRESENCE_GRACE_SECONDS = 15.0
# Comings and goings of this long share a write.
PRESENCE_GATHER_SECONDS = 0.2
# Counts instead of names, at most this often.
PRESENCE_COUNT_SECONDS = 2.0
ACTIVITY_SECONDS = 2.0
# A typing signal that isn't renewed ends by itself.
TYPING_SECONDS = 6.0
# `read` signals are for rooms where one knows everybody.
MAX_MEMBERS_FOR_READ_SIGNALS = 20

# --- Log-ins -------------------------------------------------------------------------

# A refresh token that was spent so recently is a lost answer or a second tab, not a theft.
REFRESH_GRACE_SECONDS = 10
# RFC 8725 asks for bounded input; ours are about 400 bytes.
MAX_TOKEN_CHARACTERS = 4_096
# Access tokens whose signature was found to be ours, 800 bytes each: about as many as people
# are busy at a time.
MAX_KNOWN_TOKENS = 5_000
# HS256 needs a key as long as its hash (RFC 7518, section 3.2).
MIN_SECRET_BYTES = 32
# Concurrent password hashes: each takes 19 MiB and a core for 20 ms.
PASSWORD_THREADS = 2
# Password checks that wait for a thread: 2 s of work; more is `unavailable`.
MAX_QUEUED_PASSWORDS = 200
MAX_SESSION_LABEL_CHARACTERS = 120
# A command signs itself in for this long.
OPERATOR_TOKEN_SECONDS = 60
# How often log-ins that ended long ago are forgotten.
SWEEP_SECONDS = 3_600.0
# Writing "last used" more often tells nobody anything.
LAST_USED_SECONDS = 60

# A whole office behind one address may mistype its passwords, a guesser may not spray.
ADDRESS_LIMIT_FACTOR = 10
# Addresses from which somebody has logged in, remembered with their name: 2 MB.
MAX_REMEMBERED_ADDRESSES = 10_000
# What the clocks of two nodes may differ by: a token from the near future is good.
MAX_CLOCK_SKEW_SECONDS = 60

# --- Invites -------------------------------------------------------------------------

# An invitation that should outlive a year should rather not be one; without, it never ends.
MAX_INVITE_SECONDS = 365 * 24 * 60 * 60
# More guests than any room has had; and it fits the column.
MAX_INVITE_USES = 1_000_000

# --- The process ---

# Objects made before the collector looks for cycles: Python's own 700 suit a script.
GC_THRESHOLD = 20_000
# How often the process looks whether it has grown by so much: then the collector looks at all.
# With 10,000 connections that takes it a tenth of a second.
GC_SECONDS = 5.0
GC_GROWTH_BYTES = 32 * 1024 * 1024

# --- The database --------------------------------------------------------------------

SQLITE_BUSY_MS = 5_000
SQLITE_READERS = 4
# The write-ahead log is carried over into the file when it has grown to this, 16 MiB: a stall
# of milliseconds, at SQLite's own 1,000 after every 160th lone message.
SQLITE_WAL_PAGES = 4_000
POSTGRES_POOL = 8
# A second process on the same SQLite file waits this long for the first to go.
LOCK_WAIT_SECONDS = 5.0
