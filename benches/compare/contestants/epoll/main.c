/* A bare loop around epoll, the floor for servers: `contestant serve_echo|serve_http` prints `port P` and serves until stdin ends.
 *
 * One thread. Descriptors are registered once, edge-triggered, for both directions. A read that leaves room in the buffer has emptied
 * the socket, so there is one recv and one send for a message and nothing else. (Level-triggered, the kernel looks at each
 * descriptor once more in the next epoll_wait. It was tried and is slower.) */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_AT_ONCE = 256, ROOM = 4096, BACKLOG = 4096, UNKNOWN = 64 };

static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!";

/* What is to be sent: bytes sent..filled of `buffer` for the echo, `answers` answers less `sent` bytes for HTTP. */
struct connection {
    int fd;
    size_t filled, sent, answers;
    char buffer[ROOM];
};

enum outcome { GOES_ON, WAITS, ENDED };

static _Noreturn void fail(const char *what) {
    perror(what);
    exit(1);
}

/* Sends from `data`, and counts in `sent`. */
static enum outcome send_rest(int fd, const char *data, size_t length, size_t *sent) {
    while (*sent < length) {
        ssize_t count = send(fd, data + *sent, length - *sent, MSG_NOSIGNAL);
        if (count >= 0)
            *sent += (size_t)count;
        else if (errno == EAGAIN)
            return WAITS;
        else if (errno != EINTR)
            return ENDED;
    }
    *sent = 0;
    return GOES_ON;
}

/* Receives into what is free in the buffer. `emptied` tells whether there was less than that. */
static enum outcome receive(struct connection *connection, int *emptied) {
    size_t room = ROOM - connection->filled;
    ssize_t count;
    do
        count = recv(connection->fd, connection->buffer + connection->filled, room, 0);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return errno == EAGAIN ? WAITS : ENDED;
    if (count == 0)
        return ENDED;
    connection->filled += (size_t)count;
    *emptied = (size_t)count < room;
    return GOES_ON;
}

static enum outcome echo(struct connection *connection) {
    int emptied = 0;
    for (;;) {
        if (connection->filled > 0) {
            enum outcome outcome = send_rest(connection->fd, connection->buffer, connection->filled, &connection->sent);
            if (outcome != GOES_ON)
                return outcome;
            connection->filled = 0;
        }
        if (emptied)
            return WAITS;
        enum outcome outcome = receive(connection, &emptied);
        if (outcome != GOES_ON)
            return outcome;
    }
}

/* Takes whole requests, which end with a blank line, off the buffer, and counts them. */
static void take_requests(struct connection *connection) {
    char *at = connection->buffer, *end = at + connection->filled, *found;
    while ((found = memmem(at, (size_t)(end - at), "\r\n\r\n", 4))) {
        connection->answers++;
        at = found + 4;
    }
    connection->filled = (size_t)(end - at);
    memmove(connection->buffer, at, connection->filled);
}

static enum outcome http(struct connection *connection) {
    int emptied = 0;
    for (;;) {
        for (; connection->answers > 0; connection->answers--) {
            enum outcome outcome = send_rest(connection->fd, ANSWER, sizeof ANSWER - 1, &connection->sent);
            if (outcome != GOES_ON)
                return outcome;
        }
        if (emptied)
            return WAITS;
        if (connection->filled == ROOM)
            return ENDED; /* a head that is too long */
        enum outcome outcome = receive(connection, &emptied);
        if (outcome != GOES_ON)
            return outcome;
        take_requests(connection);
    }
}

static int listen_anywhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, BACKLOG) < 0)
        fail("listen");
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        fail("getsockname");
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void accept_all(int epoll, int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), yes = 1;
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0 && errno == EAGAIN)
            return;
        if (fd < 0)
            fail("accept");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct connection *connection = malloc(sizeof *connection);
        connection->fd = fd;
        connection->filled = connection->sent = connection->answers = 0;
        struct epoll_event wanted = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted) < 0)
            fail("epoll_ctl");
    }
}

/* Whether stdin has ended; it is read when epoll reports it. */
static int stdin_ended(void) {
    char ignored[ROOM];
    ssize_t count = read(0, ignored, sizeof ignored);
    return count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN);
}

static inline __attribute__((always_inline)) void serve(enum outcome (*handle)(struct connection *)) {
    static int on_stdin;
    struct epoll_event events[EVENTS_AT_ONCE];
    int epoll = epoll_create1(0), listener = listen_anywhere();
    struct epoll_event at_stdin = {.events = EPOLLIN, .data.ptr = &on_stdin};
    struct epoll_event at_listener = {.events = EPOLLIN, .data.ptr = NULL};
    /* What epoll does not take, like /dev/null or a file, has ended. */
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &at_stdin) < 0)
        return;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &at_listener) < 0)
        fail("epoll_ctl");
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS_AT_ONCE, -1);
        if (count < 0 && errno != EINTR)
            fail("epoll_wait");
        for (int at = 0; at < count; at++) {
            struct connection *connection = events[at].data.ptr;
            if (events[at].data.ptr == NULL) {
                accept_all(epoll, listener);
            } else if (events[at].data.ptr == &on_stdin) {
                if (stdin_ended())
                    return;
            } else if (handle(connection) == ENDED) {
                close(connection->fd);
                free(connection);
            }
        }
    }
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 3) {
        fputs("usage: contestant WORKLOAD [N]\n", stderr);
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (strcmp(argv[1], "list") == 0) {
        puts("serve_echo\nserve_http");
    } else if (strcmp(argv[1], "serve_echo") == 0) {
        serve(echo);
    } else if (strcmp(argv[1], "serve_http") == 0) {
        serve(http);
    } else {
        fprintf(stderr, "epoll has no workload %s\n", argv[1]);
        return UNKNOWN;
    }
    return 0;
}
