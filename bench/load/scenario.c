/*
 * Runs the connections through the phases of a scenario; counts and checks messages.
 *
 *     FILL ── all ready ──▶ SETTLE ──▶ RUN ── time over ──▶ DRAIN ── all arrived ──▶ LISTEN ──▶ OVER
 *
 * The measured window lies inside RUN, after the warm-up. DRAIN waits until every message that
 * was sent has been acknowledged and delivered everywhere. LISTEN lets stalled clients read what is
 * left, to learn how they were closed. The time of a close is taken from the server's number of
 * sockets: a connection aborted with unsent data sends nothing that could be observed.
 */

#define _GNU_SOURCE
#include "load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum phase { FILL, SETTLE, RUN, DRAIN, LISTEN, OVER };
enum { EVENTS = 64 };

static const uint64_t SECOND = 1000000000u;
static const double SETTLE_SECONDS = 0.3, LISTEN_SECONDS = 1, LOOK_SECONDS = 0.25;

struct message {
    uint64_t at;
    uint32_t sender, left;
    bool acked;
};

struct room {
    uint64_t sent;
    uint32_t members;
    uint32_t *order; /* as seen by its first checked socket */
    uint32_t n, cap;
};

struct moment {
    uint64_t at, acked, delivered, ready, pages;
    double cpu, server_cpu, others_user;
};

static const struct options *opt;
static struct conn *conns;
static uint32_t n_conns, n_rooms;
static struct room *rooms;
static struct message *messages;
static uint32_t n_messages, cap_messages;

static enum phase phase;
static uint64_t now, began, phase_began;
static struct moment total, first, last;
static uint64_t expected, opening, begun, next_conn, due;
static bool released;
static long n_stalled, n_ended, sockets_before, sockets_released;
static uint64_t looked, all_released;

static uint64_t faults, order_faults;
static char first_fault[200];
static struct samples to_ack, to_last, to_ready, to_page;

/* Record a fault, which makes the run void. The first one is reported. */
void fault(const char *format, ...)
{
    if (faults++ > 0)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(first_fault, sizeof first_fault, format, args);
    va_end(args);
}

static double seconds_since(uint64_t then)
{
    return (double)(now - then) / (double)SECOND;
}

static struct moment take(void)
{
    struct rusage used;
    struct moment m = total;
    getrusage(RUSAGE_SELF, &used);
    m.at = now;
    m.cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
            (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    struct usage server = usage_of(opt->server);
    m.server_cpu = server.all;
    m.others_user = usage_of_machine() - server.user -
                    ((double)used.ru_utime.tv_sec + (double)used.ru_utime.tv_usec / 1e6);
    return m;
}

static bool measured(void)
{
    return first.at != 0 && last.at == 0;
}

/* Messages */

static void send_one(struct conn *c, uint64_t at)
{
    if (n_messages == cap_messages) {
        cap_messages = cap_messages ? cap_messages * 2 : 65536;
        messages = realloc(messages, cap_messages * sizeof *messages);
        if (messages == NULL)
            abort();
    }
    struct room *room = &rooms[c->room];
    messages[n_messages] = (struct message){.at = at, .sender = c->number, .left = room->members};
    room->sent++;
    expected += room->members;
    dialect_send(c, n_messages++);
}

static void acked(struct conn *c, uint32_t message)
{
    if (message >= n_messages || messages[message].sender != c->number || messages[message].acked) {
        fault("An acknowledgement of a message that was not waiting for one.");
        return;
    }
    messages[message].acked = true;
    total.acked++;
    if (measured())
        sample(&to_ack, now - messages[message].at);
    if (opt->mode == CLOSED && phase == RUN)
        send_one(c, now);
}

/* Text, number and place of a message on a checked socket. */
static void check(struct conn *c, const char *p, size_t n, uint32_t message)
{
    char text[TEXT_BYTES];
    dialect_text(text, message);
    if (memmem(p, n, text, TEXT_BYTES) == NULL)
        fault("A message arrived with another text.");
    uint64_t seq;
    if (opt->dialect == PARLEY && dialect_seq(p, n, &seq)) {
        if (seq != c->seq + 1)
            fault("After event %llu came %llu.", (unsigned long long)c->seq, (unsigned long long)seq);
        c->seq = seq;
    }
    struct room *room = &rooms[c->room];
    if (c->position == room->n) {
        if (room->n == room->cap) {
            room->cap = room->cap ? room->cap * 2 : 1024;
            room->order = realloc(room->order, room->cap * sizeof *room->order);
            if (room->order == NULL)
                abort();
        }
        room->order[room->n++] = message;
    } else if (room->order[c->position] != message) {
        order_faults++;
    }
    c->position++;
}

static void delivered(struct conn *c, const char *p, size_t n, uint32_t message)
{
    c->received++;
    if (c->stalled)
        return;
    total.delivered++;
    bool look = c->checked || opt->mode == PACED;
    if (look && message == UINT32_MAX)
        dialect_index(p, n, &message);
    if ((look || (c->sender && opt->dialect == PLAIN)) && message >= n_messages) {
        fault("A message that was never sent: %.*s", n < 60 ? (int)n : 60, p);
        return;
    }
    if (opt->dialect == PLAIN && c->sender && messages[message].sender == c->number)
        acked(c, message);
    if (c->checked)
        check(c, p, n, message);
    if (opt->mode == PACED && --messages[message].left == 0 && messages[message].at >= first.at &&
        first.at != 0)
        sample(&to_last, now - messages[message].at);
}

/* Connections */

static void open_more(void)
{
    uint64_t want = opt->mode != CONNECT ? n_conns : opt->total ? (uint64_t)opt->total : UINT64_MAX;
    while (opening < (uint64_t)opt->opening && begun < want) {
        struct conn *c = &conns[next_conn];
        if (c->state != UNUSED && c->state != CLOSED_STATE)
            return; /* its last connection is not closed yet */
        if (!net_connect(c))
            return;
        next_conn = (next_conn + 1) % n_conns;
        begun++;
        opening++;
    }
}

static void join_again(struct conn *c)
{
    char join[128];
    int size = snprintf(join, sizeof join, "{\"type\":\"join\",\"room\":\"%s\"}", c->arg);
    if (c->position == 0) {
        c->position = 1;
        opening--;
        total.ready++;
    }
    c->replayed = 0;
    c->started = now;
    net_text(c, join, (size_t)size);
}

static void joined(struct conn *c)
{
    char leave[128];
    int size = snprintf(leave, sizeof leave, "{\"type\":\"leave\",\"room\":\"%s\"}", c->arg);
    total.pages++;
    if (measured())
        sample(&to_page, now - c->started);
    net_text(c, leave, (size_t)size);
}

static void ready(struct conn *c)
{
    if (opt->mode == JOIN) {
        joined(c);
        return;
    }
    c->state = LIVE;
    opening--;
    total.ready++;
    if (opt->mode != CONNECT || opt->total || measured())
        sample(&to_ready, now - c->started);
    if (opt->mode == CONNECT && !opt->keep)
        net_close(c);
    else if (c->stalled)
        net_stall(c);
}

static void ask(struct conn *c)
{
    char request[8192];
    if (opt->mode == POSTS)
        c->posted = n_messages++;
    c->started = now;
    net_raw(c, request, dialect_request(c, request, sizeof request));
}

void scenario_opened(struct conn *c)
{
    if (opt->dialect == HTTP || dialect_opened(c))
        ready(c);
}

void scenario_response(struct conn *c)
{
    total.pages++;
    total.acked += opt->mode == POSTS;
    if (measured())
        sample(&to_page, now - c->started);
    if (phase == RUN)
        ask(c);
}

void scenario_frame(struct conn *c, const char *p, size_t n)
{
    uint32_t message;
    if (c->state == CLOSING)
        return;
    switch (dialect_read(c, p, n, &message)) {
    case READY: ready(c); break;
    case MESSAGE: delivered(c, p, n, message); break;
    case ACK: acked(c, message); break;
    case LEFT: join_again(c); break;
    case REFUSED: fault("Refused: %.*s", n < 150 ? (int)n : 150, p); break;
    case EVENT:
        if (c->state == LIVE)
            dialect_seq(p, n, &c->seq);
        break;
    case NOTHING:
    case REPLAYED: break;
    }
}

void scenario_gone(struct conn *c)
{
    if (c->stalled && c->state == LIVE) {
        c->ended = true;
        n_ended++;
    } else if (c->state < LIVE) {
        opening--;
        fault("A connection ended before it was ready, with code %u.", c->close_code);
    } else if (c->state == LIVE && phase != OVER) {
        fault("The server ended a connection, with code %u.", c->close_code);
    }
}

/* Phases */

static void enter(enum phase next)
{
    phase = next;
    phase_began = now;
    if (next == SETTLE && opt->mode == IDLE) {
        puts("ready");
        fflush(stdout);
    }
    for (uint32_t i = 0; i < n_conns && next == LISTEN; i++)
        if (conns[i].hangs && conns[i].state == LIVE)
            net_resume(&conns[i]);
    if (next != RUN)
        return;
    due = now;
    sockets_before = n_stalled ? sockets_of(opt->server) : 0;
    for (uint32_t i = 0; i < n_conns; i++) {
        if (opt->dialect == HTTP)
            ask(&conns[i]);
        if (opt->mode == CLOSED && conns[i].sender)
            for (int k = 0; k < opt->inflight; k++)
                send_one(&conns[i], now);
        net_flush(&conns[i]);
    }
}

static void send_due(void)
{
    static uint32_t turn;
    for (; due <= now && phase == RUN; due += (uint64_t)((double)SECOND / opt->rate)) {
        do
            turn = (turn + 1) % n_conns;
        while (!conns[turn].sender);
        if (conns[turn].state != LIVE)
            continue;
        send_one(&conns[turn], due);
        net_flush(&conns[turn]);
    }
}

/* The number of stalled sockets that the server has closed. */
static void look(void)
{
    if (n_stalled == 0 || all_released || seconds_since(looked) < LOOK_SECONDS)
        return;
    looked = now;
    sockets_released = sockets_before - sockets_of(opt->server);
    if (sockets_released >= n_stalled)
        all_released = now;
}

static bool arrived(void)
{
    if (opt->mode == CLOSED || opt->mode == PACED)
        return total.acked == n_messages && total.delivered == expected;
    if (opt->mode == POSTS)
        return total.acked == n_messages;
    return opt->mode != CONNECT || opening == 0;
}

static void run_phase(void)
{
    bool counted = opt->mode == CONNECT && opt->total;
    if (opt->mode == CONNECT)
        open_more();
    if (opt->mode == PACED)
        send_due();
    if (first.at == 0 && (counted || seconds_since(phase_began) >= opt->warmup))
        first = take();
    if (counted ? total.ready == (uint64_t)opt->total
                : seconds_since(phase_began) >= opt->warmup + opt->seconds) {
        last = take();
        enter(DRAIN);
    }
}

static void advance(void)
{
    switch (phase) {
    case FILL:
        if (opt->mode == CONNECT)
            enter(RUN);
        else
            open_more();
        if (total.ready == n_conns)
            enter(SETTLE);
        break;
    case SETTLE:
        if (opt->mode == IDLE ? released : seconds_since(phase_began) >= SETTLE_SECONDS)
            enter(opt->mode == IDLE ? OVER : RUN);
        break;
    case RUN:
        look();
        run_phase();
        break;
    case DRAIN:
        if (arrived() || seconds_since(phase_began) > opt->drain)
            enter(n_stalled ? LISTEN : OVER);
        break;
    case LISTEN:
        if (n_ended == n_stalled || seconds_since(phase_began) > LISTEN_SECONDS)
            enter(OVER);
        break;
    case OVER: break;
    }
    if (phase != OVER && seconds_since(began) > opt->limit) {
        fault("Given up after %.0f s, with %llu of %u connections ready.", opt->limit,
              (unsigned long long)total.ready, n_conns);
        if (last.at == 0)
            last = take();
        enter(OVER);
    }
}

/* Results */

static uint64_t missing(void)
{
    uint64_t sum = 0;
    if (opt->mode != CLOSED && opt->mode != PACED)
        return 0;
    for (uint32_t i = 0; i < n_conns; i++) {
        uint64_t sent = rooms[conns[i].room].sent;
        if (conns[i].stalled || conns[i].received == sent)
            continue;
        if (conns[i].received > sent)
            fault("A connection got %llu messages of %llu.", (unsigned long long)conns[i].received,
                  (unsigned long long)sent);
        else
            sum += sent - conns[i].received;
    }
    return sum;
}

static void report_stalled(void)
{
    uint64_t told = 0;
    for (uint32_t i = 0; i < n_conns; i++)
        told += conns[i].stalled && conns[i].close_code == 4102;
    put_number("stalled", (double)n_stalled);
    put_number("stalled_released", (double)sockets_released);
    put_number("stalled_ended", (double)n_ended);
    put_number("stalled_told_4102", (double)told);
    if (all_released)
        put_number("released_after_seconds",
                   (double)(all_released - first.at) / (double)SECOND + opt->warmup);
}

static void report(void)
{
    uint64_t lost = missing();
    double window = last.at ? (double)(last.at - first.at) / (double)SECOND : 0;
    put_begin();
    if (window > 0) {
        put_number("window_seconds", window);
        put_number("acks_per_second", (double)(last.acked - first.acked) / window);
        put_number("deliveries_per_second", (double)(last.delivered - first.delivered) / window);
        put_number("ready_per_second", (double)(last.ready - first.ready) / window);
        put_number("answers_per_second", (double)(last.pages - first.pages) / window);
        put_number("generator_cpu", (last.cpu - first.cpu) / window);
        put_number("server_cpu", (last.server_cpu - first.server_cpu) / window);
        put_number("others_cpu", (last.others_user - first.others_user) / window);
    }
    put_samples("ack_ms", &to_ack);
    put_samples("last_member_ms", &to_last);
    put_samples("ready_ms", &to_ready);
    put_samples("answer_ms", &to_page);
    if (n_stalled)
        report_stalled();
    put_number("sent", (double)n_messages);
    put_number("unacknowledged", (double)(n_messages - total.acked));
    put_number("delivered", (double)total.delivered);
    put_number("missing", (double)lost);
    put_number("order_faults", (double)order_faults);
    put_number("faults", (double)faults);
    put_text("fault", first_fault);
    put_end();
}

static void prepare(const struct options *chosen, struct conn *all, uint32_t n)
{
    opt = chosen;
    conns = all;
    n_conns = n;
    for (uint32_t i = 0; i < n; i++)
        if (conns[i].room >= n_rooms)
            n_rooms = conns[i].room + 1;
    rooms = calloc(n_rooms, sizeof *rooms);
    if (rooms == NULL)
        abort();
    for (uint32_t i = 0; i < n; i++) {
        rooms[conns[i].room].members += !conns[i].stalled;
        n_stalled += conns[i].stalled;
    }
}

static int patience_ms(void)
{
    if (opt->mode != PACED || phase != RUN)
        return 5;
    return due <= now ? 0 : (int)((due - now) / 1000000);
}

int scenario_run(const struct options *chosen, struct conn *all, uint32_t n)
{
    struct epoll_event events[EVENTS];
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};
    prepare(chosen, all, n);
    if (opt->mode == IDLE)
        epoll_ctl(poller, EPOLL_CTL_ADD, 0, &input);
    now = began = phase_began = now_ns();
    for (;;) {
        advance();
        if (phase == OVER)
            break;
        int found = epoll_wait(poller, events, EVENTS, patience_ms());
        now = now_ns();
        for (int i = 0; i < found; i++) {
            if (events[i].data.ptr == NULL)
                released = true;
            else
                net_event(events[i].data.ptr, events[i].events);
            now = now_ns();
        }
    }
    report();
    return 0;
}
