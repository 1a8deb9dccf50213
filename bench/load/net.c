/* Sockets, opening handshakes and frames (RFC 6455), for the client's side only. */

#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Size of one read: more would not stay in the second-level cache during parsing. */
enum { READ_BYTES = 256 * 1024, ARENA_BYTES = 8 * 1024 * 1024 };

/* Masking protects proxies, which a benchmark doesn't have: a fixed key suffices. */
static const uint8_t MASK[4] = {0x5a, 0x13, 0xc7, 0x88};
static const char KEY[] = "cGFybGV5IGJlbmNobWFyaw==";

int poller;
static const struct options *opt;
static struct sockaddr_in server;
static uint8_t arena[ARENA_BYTES];

uint64_t now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

void net_options(const struct options *chosen)
{
    opt = chosen;
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)opt->port);
    inet_pton(AF_INET, opt->host, &server.sin_addr);
    poller = epoll_create1(0);
}

static void watch(struct conn *c, int how, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(poller, how, c->fd, &event) < 0)
        fault("epoll_ctl: %s", strerror(errno));
}

static void append(uint8_t **to, size_t *len, size_t *cap, const void *data, size_t n)
{
    if (*len + n > *cap) {
        *cap = (*len + n) * 2;
        *to = realloc(*to, *cap);
        if (*to == NULL)
            abort();
    }
    memcpy(*to + *len, data, n);
    *len += n;
}

static void request(struct conn *c)
{
    char text[8192];
    int n = snprintf(text, sizeof text,
                     "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
                     "Sec-WebSocket-Version: 13\r\n\r\n",
                     c->target, opt->host, opt->port, KEY);
    if (n < 0 || (size_t)n >= sizeof text)
        fault("The request target is too long.");
    else
        net_raw(c, text, (size_t)n);
}

/* Start a connection. False if no descriptors are left. */
bool net_connect(struct conn *c)
{
    int one = 1, small = 4096;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        fault("socket: %s", strerror(errno));
        return false;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (c->stalled)
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    c->rest_len = c->out_len = 0;
    c->received = c->replayed = c->seq = 0;
    c->position = c->close_code = 0;
    c->greeted = false;
    c->started = now_ns();
    c->state = CONNECTING;
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS) {
        fault("connect: %s", strerror(errno));
        close(c->fd);
        c->state = CLOSED_STATE;
        return false;
    }
    c->wants_write = true;
    watch(c, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    return true;
}

/* Append raw bytes to the output buffer. */
void net_raw(struct conn *c, const char *data, size_t n)
{
    append(&c->out, &c->out_len, &c->out_cap, data, n);
}

static void frame(struct conn *c, uint8_t opcode, const char *payload, size_t n)
{
    uint8_t head[8] = {(uint8_t)(0x80 | opcode)};
    size_t size = 2;
    if (n < 126) {
        head[1] = (uint8_t)(0x80 | n);
    } else {
        head[1] = 0x80 | 126;
        head[2] = (uint8_t)(n >> 8);
        head[3] = (uint8_t)n;
        size = 4;
    }
    memcpy(head + size, MASK, sizeof MASK);
    append(&c->out, &c->out_len, &c->out_cap, head, size + sizeof MASK);
    append(&c->out, &c->out_len, &c->out_cap, payload, n);
    uint8_t *body = c->out + c->out_len - n;
    for (size_t i = 0; i < n; i++)
        body[i] ^= MASK[i & 3];
}

/* Append a text frame of at most 65,535 bytes to the output buffer. */
void net_text(struct conn *c, const char *text, size_t n)
{
    frame(c, 1, text, n);
}

/* Write the output buffer, as far as the kernel accepts it. */
void net_flush(struct conn *c)
{
    if (c->out_len == 0 || c->state == CONNECTING || c->state == CLOSED_STATE)
        return;
    ssize_t n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
    if (n < 0) {
        if (errno != EAGAIN) {
            net_drop(c);
            return;
        }
        n = 0;
    }
    c->out_len -= (size_t)n;
    memmove(c->out, c->out + n, c->out_len);
    bool wants = c->out_len > 0;
    if (wants != c->wants_write) {
        c->wants_write = wants;
        watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLRDHUP | (wants ? EPOLLOUT : 0));
    }
}

/* Stop reading from this connection: a stalled client. */
void net_stall(struct conn *c)
{
    c->hangs = true;
    watch(c, EPOLL_CTL_MOD, EPOLLRDHUP);
}

/* Resume reading: the kernel's buffered bytes, and the end of the connection. */
void net_resume(struct conn *c)
{
    c->hangs = false;
    watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLRDHUP);
}

/* Send a close frame; the connection ends when the server has answered. */
void net_close(struct conn *c)
{
    static const char normal[2] = {0x03, (char)0xe8};
    c->state = CLOSING;
    if (opt->dialect != HTTP)
        frame(c, 8, normal, sizeof normal);
    net_flush(c);
}

void net_drop(struct conn *c)
{
    if (c->state == CLOSED_STATE || c->state == UNUSED)
        return;
    close(c->fd);
    scenario_gone(c);
    c->state = CLOSED_STATE;
}

static void control(struct conn *c, uint8_t opcode, const char *payload, size_t n)
{
    if (opcode == 9) {
        frame(c, 10, payload, n);
    } else if (opcode == 8) {
        if (n >= 2)
            c->close_code = (uint32_t)((uint8_t)payload[0] << 8 | (uint8_t)payload[1]);
        if (c->state != CLOSING)
            frame(c, 8, payload, n < 2 ? 0 : 2);
        net_flush(c);
        net_drop(c);
    }
}

/* The size of the complete response to the upgrade; 0 if it is incomplete. */
static size_t handshake(struct conn *c, const char *p, size_t n)
{
    const char *end = memmem(p, n, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    if (n < 12 || memcmp(p, "HTTP/1.1 101", 12) != 0) {
        fault("The server refused the connection: %.*s", n < 40 ? (int)n : 40, p);
        net_drop(c);
        return n;
    }
    c->state = OPENING;
    scenario_opened(c);
    return (size_t)(end - p) + 4;
}

/* Handle the complete frames. Returns their size. */
static size_t frames(struct conn *c, const uint8_t *p, size_t n)
{
    size_t at = 0;
    while (n - at >= 2) {
        const uint8_t *f = p + at;
        size_t len = f[1] & 127u, head = 2;
        if (len == 126) {
            if (n - at < 4)
                break;
            len = (size_t)f[2] << 8 | f[3];
            head = 4;
        } else if (len == 127) {
            if (n - at < 10)
                break;
            len = 0;
            for (int i = 2; i < 10; i++)
                len = len << 8 | f[i];
            head = 10;
        }
        if (n - at < head + len)
            break;
        if (f[0] == 0x81)
            scenario_frame(c, (const char *)f + head, len);
        else if (f[0] >= 0x88 && f[0] <= 0x8a)
            control(c, f[0] & 15, (const char *)f + head, len);
        else
            fault("A frame that begins with the byte 0x%02x.", f[0]);
        if (c->state == CLOSED_STATE)
            return n;
        at += head + len;
    }
    return at;
}

static void readable(struct conn *c)
{
    size_t have = c->rest_len;
    memcpy(arena, c->rest, have);
    ssize_t got = recv(c->fd, arena + have, READ_BYTES, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            net_drop(c);
        return;
    }
    size_t n = have + (size_t)got, at = 0;
    arena[n] = 0; /* for the string functions */
    if (opt->dialect == HTTP) {
        for (size_t used; (used = dialect_response(c, (char *)arena + at, n - at)) > 0; at += used)
            scenario_response(c);
    } else {
        if (c->state == HANDSHAKE)
            at = handshake(c, (char *)arena, n);
        if (c->state >= OPENING && c->state <= CLOSING)
            at += frames(c, arena + at, n - at);
    }
    if (c->state == CLOSED_STATE)
        return;
    c->rest_len = 0;
    if (n - at + READ_BYTES >= ARENA_BYTES) {
        fault("A frame that is larger than %d bytes.", ARENA_BYTES - READ_BYTES);
        net_drop(c);
        return;
    }
    append(&c->rest, &c->rest_len, &c->rest_cap, arena + at, n - at);
    net_flush(c);
}

static void connected(struct conn *c)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        fault("connect: %s", strerror(error));
        net_drop(c);
        return;
    }
    c->state = HANDSHAKE;
    if (opt->dialect == HTTP)
        scenario_opened(c);
    else
        request(c);
    net_flush(c);
}

/* Handle the events that epoll reported. */
void net_event(struct conn *c, uint32_t events)
{
    if (c->state == CLOSED_STATE)
        return;
    if (c->state == CONNECTING) {
        connected(c);
        return;
    }
    if (c->hangs)
        net_resume(c); /* Only the end is reported; unread bytes come before it. */
    if (events & EPOLLOUT)
        net_flush(c);
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP))
        readable(c);
}
