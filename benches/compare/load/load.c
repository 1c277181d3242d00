/* The load on the echo servers: `load HOST PORT CONNECTIONS BYTES SECONDS`.
 *
 * All connections are made first. Then each one sends a message of BYTES bytes, waits for the whole echo, compares it with what it
 * sent and sends the next one: one message is on its way on each connection. No two messages of a run are equal from 8 bytes up.
 * A tenth of SECONDS is spent beforehand to warm up, off the account. One thread, one loop around epoll; it is meant to be pinned to
 * another core than the server's.
 *
 * Prints `per_second`, the messages that came back in a second, and `p50_us` and `p99_us`, the times from the send of a message until
 * the whole of its echo was there. Ends with another code than 0 if an echo differs, or if a connection or all traffic ends. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    EVENTS_AT_ONCE = 256,
    /* Silence on all connections for so long is a failure. */
    SILENCE_MS = 10000,
    /* The histogram counts times exactly up to 2^FINE ns, and above that in 2^FINE steps for each doubling: 1.6 % wide at most. */
    FINE = 6,
    STEPS = (64 - FINE + 1) << FINE,
};

struct connection {
    int fd;
    uint32_t number;
    uint32_t round;
    size_t sent, received;
    uint64_t sent_at;
    char *message;
};

static size_t message_size;
static char *incoming;
static uint64_t histogram[STEPS];

static _Noreturn void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static unsigned step_of(uint64_t ns) {
    if (ns < (1 << FINE))
        return (unsigned)ns;
    unsigned doublings = 63 - FINE - (unsigned)__builtin_clzll(ns);
    return ((doublings + 1) << FINE) + (unsigned)(ns >> doublings) - (1 << FINE);
}

static double middle_of(unsigned step) {
    if (step < (1 << FINE))
        return step;
    unsigned doublings = (step >> FINE) - 1;
    uint64_t lowest = (uint64_t)((step & ((1 << FINE) - 1)) + (1 << FINE)) << doublings;
    return (double)lowest + (double)((uint64_t)1 << doublings) / 2;
}

static double percentile_us(double part, uint64_t total) {
    uint64_t below = 0;
    for (unsigned step = 0; step < STEPS; step++) {
        below += histogram[step];
        if ((double)below >= part * (double)total)
            return middle_of(step) / 1000;
    }
    return 0;
}

static void prepare_message(struct connection *connection) {
    uint32_t mark[2] = {connection->number, connection->round++};
    memcpy(connection->message, mark, message_size < sizeof mark ? message_size : sizeof mark);
    connection->sent = connection->received = 0;
}

/* Sends what there is room for. What is left is sent when epoll reports room. */
static void send_rest(struct connection *connection) {
    while (connection->sent < message_size) {
        ssize_t count = send(connection->fd, connection->message + connection->sent, message_size - connection->sent, MSG_NOSIGNAL);
        if (count >= 0)
            connection->sent += (size_t)count;
        else if (errno == EAGAIN)
            return;
        else if (errno != EINTR)
            fail("send: %s", strerror(errno));
    }
}

static void send_next(struct connection *connection) {
    prepare_message(connection);
    connection->sent_at = now_ns();
    send_rest(connection);
}

/* Takes what has come, and tells whether the echo is whole. There is room for one byte more than may come: what does not fill that has
 * emptied the socket, and epoll reports what comes later. */
static int receive(struct connection *connection) {
    for (;;) {
        size_t missing = message_size - connection->received;
        ssize_t count = recv(connection->fd, incoming, missing + 1, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN)
            return 0;
        if (count < 0)
            fail("recv: %s", strerror(errno));
        if (count == 0)
            fail("the server has ended a connection");
        if ((size_t)count > missing || connection->received + (size_t)count > connection->sent)
            fail("more came back than was sent");
        if (memcmp(incoming, connection->message + connection->received, (size_t)count) != 0)
            fail("an echo differs from what was sent");
        connection->received += (size_t)count;
        return connection->received == message_size;
    }
}

static int connect_to(const char *host, const char *port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error)
        fail("%s: %s", host, gai_strerror(error));
    int fd = socket(found->ai_family, SOCK_STREAM, 0), yes = 1;
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0)
        fail("connect: %s", strerror(errno));
    freeaddrinfo(found);
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0)
        fail("TCP_NODELAY: %s", strerror(errno));
    return fd;
}

static struct connection *connect_all(int epoll, const char *host, const char *port, uint32_t count) {
    struct connection *connections = calloc(count, sizeof *connections);
    for (uint32_t number = 0; number < count; number++) {
        struct connection *connection = &connections[number];
        connection->fd = connect_to(host, port);
        connection->number = number;
        connection->message = malloc(message_size);
        for (size_t at = 0; at < message_size; at++)
            connection->message[at] = (char)(at * 7 + number);
        if (fcntl(connection->fd, F_SETFL, O_NONBLOCK) < 0)
            fail("O_NONBLOCK: %s", strerror(errno));
        struct epoll_event wanted = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &wanted) < 0)
            fail("epoll_ctl: %s", strerror(errno));
    }
    return connections;
}

/* Keeps all connections busy until `end`, and gives how many echoes came back. */
static uint64_t run_until(int epoll, uint64_t end) {
    uint64_t echoes = 0;
    for (;;) {
        struct epoll_event events[EVENTS_AT_ONCE];
        int count = epoll_wait(epoll, events, EVENTS_AT_ONCE, SILENCE_MS);
        if (count < 0 && errno != EINTR)
            fail("epoll_wait: %s", strerror(errno));
        if (count == 0)
            fail("nothing comes back");
        for (int at = 0; at < count; at++) {
            struct connection *connection = events[at].data.ptr;
            if (events[at].events & EPOLLOUT)
                send_rest(connection);
            if (!(events[at].events & ~EPOLLOUT) || !receive(connection))
                continue;
            uint64_t now = now_ns();
            histogram[step_of(now - connection->sent_at)]++;
            echoes++;
            send_next(connection);
        }
        if (now_ns() >= end)
            return echoes;
    }
}

static uint64_t number(const char *text, uint64_t most, const char *what) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || *end || end == text || *text == '-' || value < 1 || value > most)
        fail("%s is a whole number from 1 up", what);
    return value;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fputs("usage: load HOST PORT CONNECTIONS BYTES SECONDS\n", stderr);
        return 2;
    }
    uint32_t count = (uint32_t)number(argv[3], 1000000, "CONNECTIONS");
    message_size = number(argv[4], 1 << 30, "BYTES");
    char *end;
    double seconds = strtod(argv[5], &end);
    if (*end || end == argv[5] || !(seconds > 0))
        fail("SECONDS is a number above 0");

    /* A descriptor for each connection. */
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    int epoll = epoll_create1(0);
    incoming = malloc(message_size + 1);
    struct connection *connections = connect_all(epoll, argv[1], argv[2], count);
    for (uint32_t at = 0; at < count; at++)
        send_next(&connections[at]);
    run_until(epoll, now_ns() + (uint64_t)(seconds * 1e8));
    memset(histogram, 0, sizeof histogram);
    uint64_t start = now_ns();
    uint64_t echoes = run_until(epoll, start + (uint64_t)(seconds * 1e9));
    double took = (double)(now_ns() - start) / 1e9;
    printf("per_second %.1f\np50_us %.2f\np99_us %.2f\n", (double)echoes / took, percentile_us(0.50, echoes), percentile_us(0.99, echoes));
    return 0;
}
