"""
Limits, timeouts and sizes that are not settings, each with its unit and its reason.

Those of a connection are in :mod:`app.domain.connection_limits`, those of the process and its
database in :mod:`app.domain.server_limits`.

These are defaults: classes take the limits that their tests vary as constructor arguments. The
limits that operators change are fields of ``app.config.settings.Settings``. ``docs/limits.md``
lists all.
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

# --- Delivery ------------------------------------------------------------------------

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
# On PostgreSQL so many events at once, at least one batch of messages: four milliseconds...
SHARED_INDEX_BATCH = 200
# ...with pauses of this many times the duration: a fifth of the time of one connection.
SHARED_INDEX_PAUSE_FACTOR = 4
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

# Events of versions without checksums that are given one in a transaction: three milliseconds of
# the writer, and a tenth of its time with INDEX_PAUSE_FACTOR.
CHECKSUM_BATCH = 500
# How often it is tried whether that can begin, while the file is checked or is unavailable.
CHECKSUM_SECONDS = 2.0

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
# How often a node tells the others what users have sent: until then each lets a burst through.
SHARED_RATE_SECONDS = 0.25
# Users in one report of sends or connections: a millisecond of the event loop, and of Redis.
MAX_REPORTED_USERS = 100
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
