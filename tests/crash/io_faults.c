/*
 * A library to preload: makes operations on a SQLite database and its WAL fail, as a bad disk does.
 *
 * IO_FAULTS_FILE is the path of the database, IO_FAULTS_CONTROL that of a file with the numbers of
 * `struct control`, which the test maps and changes while the server runs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_FILES = 65536 };

struct control {
	int64_t operations; /* so many were counted */
	int64_t failed;     /* of those */
	int64_t first;      /* the operations from this one... */
	int64_t last;       /* ...to this one fail; 0: none */
	int64_t per_million; /* of the others, so many, at random */
	int64_t error;      /* errno */
};

static struct control *control;
static const char *database;
static unsigned char is_database[MAX_FILES];
static unsigned long long dice = 88172645463325252ULL;

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("IO_FAULTS_CONTROL");
	database = getenv("IO_FAULTS_FILE");
	if (path == NULL || database == NULL)
		return;
	int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
	int file = real_open(path, O_RDWR);
	void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (mapped == MAP_FAILED)
		abort();
	control = mapped;
	close(file);
}

/* Whether this operation fails: then errno is set. */
static int fails(int file)
{
	if (control == NULL || file < 0 || file >= MAX_FILES || !is_database[file])
		return 0;
	int64_t number = __sync_add_and_fetch(&control->operations, 1);
	dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
	int chosen = control->last != 0 && number >= control->first && number <= control->last;
	if (!chosen && (int64_t)(dice % 1000000) >= control->per_million)
		return 0;
	__sync_add_and_fetch(&control->failed, 1);
	errno = (int)control->error;
	return 1;
}

static int has_suffix(const char *path, const char *suffix)
{
	size_t length = strlen(database);
	return strncmp(path, database, length) == 0 && strcmp(path + length, suffix) == 0;
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
		if (file >= 0 && file < MAX_FILES)                                       \
			is_database[file] = control != NULL                              \
			    && (has_suffix(path, "") || has_suffix(path, "-wal"));       \
		return file;                                                             \
	}

#define OPERATION(type, name, parameters, arguments)                                     \
	type name parameters                                                             \
	{                                                                                \
		type(*real) parameters = dlsym(RTLD_NEXT, #name);                        \
		return fails(file) ? -1 : real arguments;                                \
	}

OPEN(open)
OPEN(open64)
OPERATION(ssize_t, pwrite, (int file, const void *from, size_t count, off_t at),
	  (file, from, count, at))
OPERATION(ssize_t, pwrite64, (int file, const void *from, size_t count, off64_t at),
	  (file, from, count, at))
OPERATION(ssize_t, write, (int file, const void *from, size_t count), (file, from, count))
OPERATION(int, ftruncate, (int file, off_t length), (file, length))
OPERATION(int, ftruncate64, (int file, off64_t length), (file, length))
OPERATION(int, fsync, (int file), (file))
OPERATION(int, fdatasync, (int file), (file))
