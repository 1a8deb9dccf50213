"""What the process and its database may take, beside the settings."""

# --- The process ---------------------------------------------------------------------

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
# How long the end of a server waits for the last spans to be exported: a collector that hangs must
# not use up SHUTDOWN_SECONDS.
TRACES_FLUSH_SECONDS = 2.0

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
# The same while the server runs: some milliseconds, for which it holds the interpreter lock.
MOVE_LIVE_ROWS = 250
# How long it then pauses, as a multiple of the time that the rows took: sends keep priority.
MOVE_PAUSE_FACTOR = 1.0
# How long it tries to keep up with what is written meanwhile, before it gives up.
MOVE_CATCH_UP_SECONDS = 60.0
# How often it says how far it is.
MOVE_PROGRESS_SECONDS = 0.5
# How long writers are refused at most for the last difference; then the server goes on as it was.
MOVE_SWITCH_SECONDS = 10.0
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

# What one node at a time does is done by another one this long after it was killed or cut off...
LEASE_SECONDS = 15.0
# ...unless it has renewed its lease; the others look this often whether it is free.
LEASE_RENEW_SECONDS = 5.0
# How long a node that stops tries to release a lease; then the others wait until it expires.
LEASE_RELEASE_SECONDS = 1.0

# --- Workers -------------------------------------------------------------------------

# Processes of one `parley serve`: more than one machine has cores to spare for. Each has up to 10
# connections to PostgreSQL, which allows 100 in all by default.
MAX_WORKERS = 64
# A worker that ends by itself is replaced at once. If the replacement runs for less than
# WORKER_STEADY_SECONDS, the next one waits for WORKER_PAUSE_SECONDS, and each further one twice
# as long, up to the maximum: a loop that takes no core, and in which no client waits for long.
WORKER_STEADY_SECONDS = 30.0
WORKER_PAUSE_SECONDS = 0.5
MAX_WORKER_PAUSE_SECONDS = 8.0
# What a worker may take longer than SHUTDOWN_SECONDS to end; then it is killed.
WORKER_EXIT_SECONDS = 2.0
# A worker says this often that its event loop runs...
WORKER_BEAT_SECONDS = 1.0
# ...and is killed and replaced when the supervisor has missed this many: its clients, whose pings
# nothing answers, are better off with another one.
WORKER_SILENT_BEATS = 15
# How long a worker is waited for when metrics are collected; one that is alive takes milliseconds.
WORKER_METRICS_SECONDS = 1.0
# A message between a supervisor and a worker: metrics of 64 workers, 200 KB each at most.
MAX_WORKER_MESSAGE_BYTES = 16 * 1024 * 1024
