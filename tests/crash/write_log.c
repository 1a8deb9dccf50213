/*
 * A library to preload: logs what is written to a SQLite database and its WAL, what is synced, and
 * what clients are told, in the order in which it happens.
 *
 * WRITE_LOG_DATABASE is the path of the database, WRITE_LOG the log: a sequence of `struct record`,
 * each followed by `length` bytes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAX_FILES = 65536 };
enum file { NONE, DATABASE, WAL };

struct record {
	char kind; /* (w)rite, (t)runcate, (s)ync, (d)elete, (n)otification of a client */
	char file; /* enum file */
	char unused[6];
	int64_t at; /* of a write: the offset; of a truncation: the new length; of a sync: the
	               length of the log when it began, which is all that it covers */
	int64_t length;
};

static int log_file = -1;
static const char *database;
static unsigned char file_of[MAX_FILES];
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static ssize_t (*real_write)(int, const void *, size_t);

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("WRITE_LOG");
	real_write = dlsym(RTLD_NEXT, "write");
	database = getenv("WRITE_LOG_DATABASE");
	if (path == NULL || database == NULL)
		return;
	int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
	log_file = real_open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);
	if (log_file < 0)
		abort();
}

static enum file known(int file)
{
	return log_file >= 0 && file >= 0 && file < MAX_FILES ? file_of[file] : NONE;
}

/* With `order` held. */
static void append(char kind, enum file file, int64_t at, const void *data, size_t length)
{
	struct record record = {.kind = kind, .file = (char)file, .at = at, .length = (int64_t)length};
	if (real_write(log_file, &record, sizeof record) != sizeof record)
		abort();
	if (length > 0 && real_write(log_file, data, length) != (ssize_t)length)
		abort();
}

/* Before the bytes leave: what a client has read was logged. */
static void told(const void *data, size_t length)
{
	static const char seq[] = "\"seq\":";
	if (log_file < 0 || memmem(data, length, seq, sizeof seq - 1) == NULL)
		return;
	pthread_mutex_lock(&order);
	append('n', NONE, 0, data, length);
	pthread_mutex_unlock(&order);
}

static enum file name_of(const char *path)
{
	size_t length = strlen(database);
	if (strncmp(path, database, length) != 0)
		return NONE;
	if (path[length] == '\0')
		return DATABASE;
	return strcmp(path + length, "-wal") == 0 ? WAL : NONE;
}

#define OPEN(name)                                                                       \
	int name(const char *path, int flags, ...)                                       \
	{                                                                                \
		va_list rest;                                                            \
		va_start(rest, flags);                                                   \
		mode_t mode = va_arg(rest, mode_t);                                      \
		va_end(rest);                                                            \
		int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);           \
		int file = real(path, flags, mode);                                      \
		if (log_file >= 0 && file >= 0 && file < MAX_FILES)                      \
			file_of[file] = name_of(path);                                   \
		return file;                                                             \
	}

#define PWRITE(name, offset)                                                             \
	ssize_t name(int file, const void *from, size_t count, offset at)                \
	{                                                                                \
		ssize_t (*real)(int, const void *, size_t, offset) =                     \
		    dlsym(RTLD_NEXT, #name);                                             \
		if (known(file) == NONE)                                                 \
			return real(file, from, count, at);                              \
		pthread_mutex_lock(&order);                                              \
		ssize_t done = real(file, from, count, at);                              \
		if (done > 0)                                                            \
			append('w', known(file), at, from, (size_t)done);                \
		pthread_mutex_unlock(&order);                                            \
		return done;                                                             \
	}

#define TRUNCATE(name, offset)                                                           \
	int name(int file, offset length)                                                \
	{                                                                                \
		int (*real)(int, offset) = dlsym(RTLD_NEXT, #name);                      \
		pthread_mutex_lock(&order);                                              \
		int failed = real(file, length);                                         \
		if (!failed && known(file) != NONE)                                      \
			append('t', known(file), length, NULL, 0);                       \
		pthread_mutex_unlock(&order);                                            \
		return failed;                                                           \
	}

#define SYNC(name)                                                                       \
	int name(int file)                                                               \
	{                                                                                \
		int (*real)(int) = dlsym(RTLD_NEXT, #name);                              \
		pthread_mutex_lock(&order);                                              \
		int64_t covered = lseek(log_file, 0, SEEK_END);                          \
		pthread_mutex_unlock(&order);                                            \
		int failed = real(file);                                                 \
		pthread_mutex_lock(&order);                                              \
		if (!failed && known(file) != NONE)                                      \
			append('s', known(file), covered, NULL, 0);                      \
		pthread_mutex_unlock(&order);                                            \
		return failed;                                                           \
	}

OPEN(open)
OPEN(open64)
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path)
{
	int (*real)(const char *) = dlsym(RTLD_NEXT, "unlink");
	pthread_mutex_lock(&order);
	int failed = real(path);
	if (!failed && log_file >= 0 && name_of(path) != NONE)
		append('d', name_of(path), 0, NULL, 0);
	pthread_mutex_unlock(&order);
	return failed;
}

ssize_t write(int file, const void *from, size_t count)
{
	/* SQLite writes at an offset; its files never come here. */
	if (known(file) != NONE)
		abort();
	told(from, count);
	return real_write(file, from, count);
}

ssize_t send(int file, const void *from, size_t count, int flags)
{
	ssize_t (*real)(int, const void *, size_t, int) = dlsym(RTLD_NEXT, "send");
	told(from, count);
	return real(file, from, count, flags);
}

ssize_t sendmsg(int file, const struct msghdr *message, int flags)
{
	ssize_t (*real)(int, const struct msghdr *, int) = dlsym(RTLD_NEXT, "sendmsg");
	for (size_t i = 0; i < message->msg_iovlen; i++)
		told(message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
	return real(file, message, flags);
}

ssize_t writev(int file, const struct iovec *parts, int count)
{
	ssize_t (*real)(int, const struct iovec *, int) = dlsym(RTLD_NEXT, "writev");
	for (int i = 0; i < count; i++)
		told(parts[i].iov_base, parts[i].iov_len);
	return real(file, parts, count);
}
