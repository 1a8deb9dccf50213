/*
 * load OPTION=VALUE… < connections
 *
 * Standard input has one line per connection: room number, flags (s sends, c is checked,
 * x stops reading, - none), request target, argument or "-". An empty line ends the list. The
 * result is one JSON object.
 */

#define _GNU_SOURCE
#include "load.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static int one_of(const char *value, const char *const *names)
{
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(value, names[i]) == 0)
            return i;
    fprintf(stderr, "load: there is no %s\n", value);
    exit(2);
}

static void set(struct options *o, const char *name, const char *value)
{
    static const char *const dialects[] = {"parley", "plain", "socketio", "http", NULL};
    static const char *const modes[] = {"closed", "paced", "connect", "join",  "idle",
                                        "pages",  "posts", NULL};
    static const char *const names[] = {
        "dialect", "mode", "host",   "port",    "nonce", "inflight", "opening", "total",
        "replay",  "rate", "warmup", "seconds", "limit", "keep",     "server",  "drain", NULL,
    };
    switch (one_of(name, names)) {
    case 0: o->dialect = (enum dialect)one_of(value, dialects); break;
    case 1: o->mode = (enum mode)one_of(value, modes); break;
    case 2: o->host = value; break;
    case 3: o->port = atoi(value); break;
    case 4: o->nonce = value; break;
    case 5: o->inflight = atoi(value); break;
    case 6: o->opening = atoi(value); break;
    case 7: o->total = atol(value); break;
    case 8: o->replay = atol(value); break;
    case 9: o->rate = atof(value); break;
    case 10: o->warmup = atof(value); break;
    case 11: o->seconds = atof(value); break;
    case 12: o->limit = atof(value); break;
    case 13: o->keep = atoi(value) != 0; break;
    case 14: o->server = atoi(value); break;
    case 15: o->drain = atof(value); break;
    }
}

static struct conn *read_connections(uint32_t *n)
{
    struct conn *conns = NULL;
    char *line = NULL;
    size_t size = 0, cap = 0;
    *n = 0;
    while (getline(&line, &size, stdin) > 1) {
        char flags[8], target[4096], arg[4096];
        unsigned room;
        if (sscanf(line, "%u %7s %4095s %4095s", &room, flags, target, arg) != 4) {
            fprintf(stderr, "load: not a connection: %s", line);
            exit(2);
        }
        if (*n == cap) {
            cap = cap ? cap * 2 : 256;
            conns = realloc(conns, cap * sizeof *conns);
            if (conns == NULL)
                abort();
        }
        conns[*n] = (struct conn){
            .number = *n,
            .room = room,
            .sender = strchr(flags, 's') != NULL,
            .checked = strchr(flags, 'c') != NULL,
            .stalled = strchr(flags, 'x') != NULL,
            .target = strdup(target),
            .arg = strdup(arg),
        };
        ++*n;
    }
    free(line);
    return conns;
}

int main(int argc, char **argv)
{
    struct options o = {.host = "127.0.0.1", .nonce = "0000", .inflight = 1, .opening = 200,
                        .rate = 200, .warmup = 0.5, .seconds = 3, .drain = 8, .limit = 60};
    struct rlimit files;
    uint32_t n;

    for (int i = 1; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals == NULL) {
            fprintf(stderr, "load: not OPTION=VALUE: %s\n", argv[i]);
            return 2;
        }
        *equals = 0;
        set(&o, argv[i], equals + 1);
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    signal(SIGPIPE, SIG_IGN);

    struct conn *conns = read_connections(&n);
    if (n == 0 || strlen(o.nonce) != 4) {
        fprintf(stderr, "load: no connections, or a nonce that is not 4 characters\n");
        return 2;
    }
    net_options(&o);
    dialect_options(&o);
    return scenario_run(&o, conns, n);
}
