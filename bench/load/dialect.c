/*
 * The protocols of the servers: what to send, and what the answers mean.
 *
 * Every message of a run has a unique text of 100 bytes: "msg-", the run's nonce, its number,
 * and filler that depends on the number. It identifies the message in any dialect.
 */

#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct options *opt;
static char mark[10]; /* "msg-" nonce "-" */
static const size_t MARK = 9;

void dialect_options(const struct options *chosen)
{
    opt = chosen;
    snprintf(mark, sizeof mark, "msg-%.4s-", opt->nonce);
}

/* The text of a message, without a terminating zero. */
void dialect_text(char *text, uint32_t message)
{
    char number[TAG_BYTES + 1];
    snprintf(number, sizeof number, "%08x", message);
    memcpy(text, mark, MARK);
    memcpy(text + MARK, number, TAG_BYTES);
    for (size_t i = MARK + TAG_BYTES; i < TEXT_BYTES; i++)
        text[i] = (char)('a' + (message + i) % 26);
}

static bool hexadecimal(const char *p, uint32_t *value)
{
    uint32_t sum = 0;
    for (int i = 0; i < TAG_BYTES; i++) {
        char c = p[i];
        uint32_t digit = c >= '0' && c <= '9' ? (uint32_t)(c - '0')
                       : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10) : 16;
        if (digit > 15)
            return false;
        sum = sum << 4 | digit;
    }
    *value = sum;
    return true;
}

/* Find the message of this run that a frame carries. */
bool dialect_index(const char *p, size_t n, uint32_t *message)
{
    const char *at = memmem(p, n, mark, MARK);
    return at != NULL && (size_t)(p + n - at) >= MARK + TAG_BYTES && hexadecimal(at + MARK, message);
}

static bool begins(const char *p, size_t n, const char *with)
{
    size_t size = strlen(with);
    return n >= size && memcmp(p, with, size) == 0;
}

bool dialect_seq(const char *p, size_t n, uint64_t *seq)
{
    const char *at = memmem(p, n, "\"seq\":", 6);
    if (at == NULL)
        return false;
    *seq = strtoull(at + 6, NULL, 10);
    return true;
}

/* The socket is open: send what the dialect requires. Returns whether the client is ready. */
bool dialect_opened(struct conn *c)
{
    return opt->dialect == PLAIN && opt->replay == 0 && c->state == OPENING;
}

static bool shown(struct conn *c)
{
    c->replayed++;
    return c->greeted && c->replayed == (uint64_t)opt->replay;
}

static enum kind read_plain(struct conn *c, const char *p, size_t n, uint32_t *message)
{
    if (c->state == OPENING) {
        c->greeted = true;
        return shown(c) ? READY : REPLAYED;
    }
    /* A sender's own copy is its acknowledgement; other messages need not be parsed. */
    if (c->sender)
        dialect_index(p, n, message);
    return MESSAGE;
}

static enum kind acknowledged(const char *p, size_t n, const char *key, uint32_t *message)
{
    const char *at = memmem(p, n, key, strlen(key));
    if (at == NULL || (size_t)(p + n - at) < strlen(key) + 5 + TAG_BYTES)
        return NOTHING;
    return hexadecimal(at + strlen(key) + 5, message) ? ACK : NOTHING;
}

static enum kind read_parley(struct conn *c, const char *p, size_t n, uint32_t *message)
{
    if (begins(p, n, "{\"type\":\"message.created\"")) {
        if (c->state == LIVE)
            return MESSAGE;
        c->replayed++;
        return REPLAYED;
    }
    if (begins(p, n, "{\"type\":\"ack\"")) {
        if (opt->mode == JOIN)
            return LEFT;
        return acknowledged(p, n, "\"re\":\"", message);
    }
    if (begins(p, n, "{\"type\":\"error\"") || begins(p, n, "{\"type\":\"reset\""))
        return REFUSED;
    if (begins(p, n, "{\"type\":\"welcome\"")) {
        c->greeted = true;
        return opt->mode == JOIN ? LEFT : NOTHING;
    }
    if (begins(p, n, "{\"type\":\"caught_up\"")) {
        dialect_seq(p, n, &c->seq);
        if (c->replayed != (uint64_t)opt->replay)
            fault("A joiner was shown %llu messages instead of %ld.",
                  (unsigned long long)c->replayed, opt->replay);
        return READY;
    }
    /* Only the types of events contain a dot. */
    const char *quote = n > 9 ? memchr(p + 9, '"', n - 9) : NULL;
    return quote != NULL && memchr(p, '.', (size_t)(quote - p)) != NULL ? EVENT : NOTHING;
}

static enum kind read_socketio(struct conn *c, const char *p, size_t n, uint32_t *message)
{
    if (n == 0)
        return NOTHING;
    if (begins(p, n, "42")) {
        if (c->state == LIVE)
            return MESSAGE;
        return shown(c) ? READY : REPLAYED;
    }
    if (begins(p, n, "43")) {
        *message = (uint32_t)strtoul(p + 2, NULL, 10);
        return ACK;
    }
    if (begins(p, n, "44"))
        return REFUSED;
    if (begins(p, n, "40")) {
        c->greeted = true;
        return c->replayed == (uint64_t)opt->replay ? READY : NOTHING;
    }
    if (p[0] == '2') {
        net_text(c, "3", 1);
    } else if (p[0] == '0') {
        char hello[256];
        int size = snprintf(hello, sizeof hello, "40%s", strcmp(c->arg, "-") ? c->arg : "");
        net_text(c, hello, (size_t)size);
    }
    return NOTHING;
}

/* Classify a text frame. For an ACK, and a MESSAGE to its sender, also find the message. */
enum kind dialect_read(struct conn *c, const char *p, size_t n, uint32_t *message)
{
    *message = UINT32_MAX;
    if (opt->dialect == PARLEY)
        return read_parley(c, p, n, message);
    return opt->dialect == PLAIN ? read_plain(c, p, n, message) : read_socketio(c, p, n, message);
}

/* Send a message. */
void dialect_send(struct conn *c, uint32_t message)
{
    char text[TEXT_BYTES], whole[TEXT_BYTES + 128];
    int n;
    dialect_text(text, message);
    if (opt->dialect == PARLEY)
        n = snprintf(whole, sizeof whole, "{\"type\":\"send\",\"id\":\"%.4s-%08x\",\"text\":\"%.100s\"}",
                     opt->nonce, message, text);
    else if (opt->dialect == SOCKETIO)
        n = snprintf(whole, sizeof whole, "42%u[\"chat message\",\"%.100s\",\"%.4s-%u\"]", message,
                     text, opt->nonce, message);
    else
        n = snprintf(whole, sizeof whole, "%.100s", text);
    net_text(c, whole, (size_t)n);
}

/* Write the present request of an HTTP connection; returns its size. */
size_t dialect_request(struct conn *c, char *request, size_t size)
{
    char text[TEXT_BYTES], body[TEXT_BYTES + 32] = "", bearer[4200] = "", posting[256] = "";
    if (strcmp(c->arg, "-"))
        snprintf(bearer, sizeof bearer, "Authorization: Bearer %s\r\n", c->arg);
    if (opt->mode == POSTS) {
        dialect_text(text, c->posted);
        int n = snprintf(body, sizeof body, "{\"text\":\"%.100s\"}", text);
        snprintf(posting, sizeof posting,
                 "Content-Type: application/json\r\nContent-Length: %d\r\n"
                 "Idempotency-Key: %.4s-%08x\r\n", n, opt->nonce, c->posted);
    }
    int n = snprintf(request, size, "%s %s HTTP/1.1\r\nHost: bench\r\n%s%s\r\n%s",
                     opt->mode == POSTS ? "POST" : "GET", c->target, bearer, posting, body);
    return n < 0 ? 0 : (size_t)n;
}

/* A page must have as many messages as are asked for. */
static void check_page(const char *p, const char *body, size_t n)
{
    long found = 0;
    for (const char *at = body, *stop = body + n;
         (at = memmem(at, (size_t)(stop - at), "old-", 4)) != NULL; at += 4)
        found++;
    if (!begins(p, 12, "HTTP/1.1 200") || found != opt->replay)
        fault("A page with %ld messages instead of %ld: %.*s", found, opt->replay, 60, p);
}

/* A message that was posted must be answered with its text. */
static void check_posted(struct conn *c, const char *p, const char *body, size_t n)
{
    char text[TEXT_BYTES];
    dialect_text(text, c->posted);
    if (!begins(p, 12, "HTTP/1.1 201"))
        fault("A message was refused: %.*s", 60, p);
    else if (memmem(body, n, text, TEXT_BYTES) == NULL)
        fault("A message was answered with another text.");
}

/* The size of a complete response; 0 if it is incomplete. */
size_t dialect_response(struct conn *c, const char *p, size_t n)
{
    const char *end = memmem(p, n, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    const char *length = strcasestr(p, "\r\ncontent-length:");
    if (length == NULL || length > end) {
        fault("An answer without Content-Length.");
        net_drop(c);
        return 0;
    }
    size_t head = (size_t)(end - p) + 4, size = strtoul(length + 17, NULL, 10);
    if (n < head + size)
        return 0;
    if (opt->mode == POSTS)
        check_posted(c, p, p + head, size);
    else
        check_page(p, p + head, size);
    return head + size;
}
