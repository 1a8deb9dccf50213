/*
 * The load generator: one process, one epoll loop, no library.
 *
 *     main.c ──▶ scenario.c ──▶ dialect.c    what to send, and what an answer means
 *                    │  ▲
 *                    ▼  │
 *                  net.c                      sockets, handshakes, frames
 *
 * It counts every message on every socket. A run with a missing, duplicated or altered message
 * reports that, and is void.
 */

#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dialect { PARLEY, PLAIN, SOCKETIO, HTTP };
enum mode { CLOSED, PACED, CONNECT, JOIN, IDLE, PAGES, POSTS };

enum { TEXT_BYTES = 100, TAG_BYTES = 8 };

struct options {
    enum dialect dialect;
    enum mode mode;
    const char *host;
    int port;
    const char *nonce;      /* 4 characters that identify this run's messages */
    int inflight;           /* unacknowledged messages of a sender */
    int opening;            /* connections that may be opening at once */
    long total;             /* connections to open in all; 0: until the end of the window */
    long replay;            /* messages that a joining client must receive before it is ready */
    double rate;            /* messages a second, when paced */
    double warmup;          /* seconds before the measured window */
    double seconds;         /* the measured window */
    double drain;           /* seconds to wait for what has not arrived at the end */
    double limit;           /* seconds after which the run is given up */
    bool keep;              /* CONNECT: leave the connections open */
    int server;             /* pid of the server, to report its usage; 0: none */
};

enum state { UNUSED, CONNECTING, HANDSHAKE, OPENING, LIVE, CLOSING, CLOSED_STATE };

struct conn {
    int fd;
    enum state state;
    uint32_t number;
    uint32_t room;
    bool sender, checked, stalled;
    bool hangs;             /* stalled, and currently not reading */
    bool ended;             /* stalled, and the server ended it */
    bool greeted;           /* the dialect's opening is complete; the replay may not be */
    bool wants_write;
    const char *target;     /* of the request line */
    const char *arg;        /* the dialect's argument: token, room, recovery offset */

    uint8_t *rest;          /* the incomplete frame at the end of the input */
    size_t rest_len, rest_cap;
    uint8_t *out;           /* output buffer */
    size_t out_len, out_cap;

    uint64_t started;       /* when the present connection, join or request began */
    uint64_t seq;           /* seq of the last event, on checked sockets */
    uint64_t received;      /* live messages */
    uint64_t replayed;
    uint32_t position;      /* in the room's order, on checked sockets */
    uint32_t posted;        /* POSTS: the message of the present request */
    uint32_t close_code;
};

/* What a text frame means to the generator. */
enum kind { NOTHING, READY, REPLAYED, MESSAGE, EVENT, ACK, REFUSED, LEFT };

/* net.c */
extern int poller;
uint64_t now_ns(void);
void net_options(const struct options *chosen);
bool net_connect(struct conn *c);
void net_text(struct conn *c, const char *text, size_t n);
void net_raw(struct conn *c, const char *data, size_t n);
void net_flush(struct conn *c);
void net_event(struct conn *c, uint32_t events);
void net_stall(struct conn *c);
void net_resume(struct conn *c);
void net_close(struct conn *c);
void net_drop(struct conn *c);

/* dialect.c */
void dialect_options(const struct options *chosen);
void dialect_text(char *text, uint32_t message);
bool dialect_index(const char *p, size_t n, uint32_t *message);
bool dialect_opened(struct conn *c);
enum kind dialect_read(struct conn *c, const char *p, size_t n, uint32_t *message);
void dialect_send(struct conn *c, uint32_t message);
bool dialect_seq(const char *p, size_t n, uint64_t *seq);
size_t dialect_response(struct conn *c, const char *p, size_t n);
size_t dialect_request(struct conn *c, char *request, size_t size);

/* scenario.c */
void fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
void scenario_opened(struct conn *c);
void scenario_frame(struct conn *c, const char *p, size_t n);
void scenario_response(struct conn *c);
void scenario_gone(struct conn *c);
int scenario_run(const struct options *chosen, struct conn *conns, uint32_t n);

/* procfs.c */
struct usage {
    double user, all;
};
struct usage usage_of(int pid);
double usage_of_machine(void);
long sockets_of(int pid);

/* report.c */
struct samples {
    float *micros;
    size_t n, cap;
};
void sample(struct samples *s, uint64_t nanoseconds);
void put_number(const char *name, double value);
void put_samples(const char *name, struct samples *s);
void put_text(const char *name, const char *value);
void put_begin(void);
void put_end(void);

#endif
