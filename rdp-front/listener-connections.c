#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/packet.h"
#include "rdp-front/control.h"
#include "rdp-front/listener-state.h"
#include "rpc/lsm.h"

#define ACCEPTS_A_TURN  16
#define REFUSALS_LOG_MS 1000

static void retry_in(struct event *timer, int64_t ms)
{
    struct timeval delay = {ms / 1000, ms % 1000 * 1000};
    event_add(timer, &delay);
}

static struct connections *bucket_of(struct listener *listener, uint64_t id)
{
    return &listener->connections[id % CONNECTION_BUCKETS];
}

/* Frees what the listener has of a connection; its worker, where it lives, is not touched. */
static void connection_free(struct connection *connection)
{
    struct listener *listener = connection->listener;
    throttle_leave(listener->throttle, connection);
    listener->open--;
    sm_numbers_changed(listener);
    if (connection->wants_broker)
        TAILQ_REMOVE(&listener->want_broker, connection, waiting);
    LIST_REMOVE(connection, link);
    if (connection->event != NULL)
        event_free(connection->event);
    close_descriptor(&connection->control);
    free(connection);
}

/* Ends a connection by force: a worker may hang in a handshake. */
static void connection_drop(struct connection *connection, const char *why)
{
    log_info(connection->address, "connection %llu is dropped: %s", (unsigned long long)connection->id, why);
    zygote_kill(connection->listener, connection->id);
    connection_free(connection);
}

static void deadline_arrange(struct listener *listener)
{
    int64_t next = throttle_next_ms(listener->throttle);
    int64_t wait = next - clock_monotonic_ms();
    if (next >= 0)
        retry_in(listener->deadline, wait > 0 ? wait : 0);
    else
        event_del(listener->deadline);
}

static void on_deadline(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    struct listener *listener = user;
    struct connection *late;
    while ((late = throttle_take_expired(listener->throttle, clock_monotonic_ms())) != NULL)
        connection_drop(late, "it did not log on in time");
    deadline_arrange(listener);
}

/* Gives the worker a connection to lsm.port. False: not now. */
static bool broker_give(struct connection *connection)
{
    char path[CONF_TEXT_MAX + 32];
    int fd = packet_connect(conf_run_path(&connection->listener->conf, LSM_PORT_NAME, path, sizeof(path)));
    if (fd < 0)
        return false;
    int failed =
        message_send(connection->control, &control_protocol, CONTROL_LSM, &(struct control_lsm){0}, fd);
    close(fd);
    return failed != -EAGAIN;
}

static void broker_want(struct connection *connection)
{
    struct listener *listener = connection->listener;
    if (connection->wants_broker || broker_give(connection))
        return;
    connection->wants_broker = true;
    TAILQ_INSERT_TAIL(&listener->want_broker, connection, waiting);
    if (!event_pending(listener->broker_retry, EV_TIMEOUT, NULL))
        retry_in(listener->broker_retry, RETRY_MS);
}

static void on_broker_retry(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    struct listener *listener = user;
    struct connection *first;
    while ((first = TAILQ_FIRST(&listener->want_broker)) != NULL && broker_give(first)) {
        TAILQ_REMOVE(&listener->want_broker, first, waiting);
        first->wants_broker = false;
    }
    if (first != NULL)
        retry_in(listener->broker_retry, RETRY_MS);
}

static void on_worker(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct connection *connection = user;
    struct listener *listener = connection->listener;
    union control_body body;
    struct message message;
    const char *problem = "";
    int got =
        message_receive(fd, &control_protocol, CONTROL_BY_WORKER, &body, sizeof(body), &message, &problem);
    if (got == -EAGAIN)
        return;
    if (got < 0) {
        connection_drop(connection, problem);
    } else if (got == 0) {
        connection_free(connection);
    } else if (message.number == CONTROL_LSM_WANTED) {
        broker_want(connection);
        return;
    } else if (message.number == CONTROL_LOGGED_ON) {
        zygote_hold(listener, connection->id, connection->control);
        throttle_logged_on(listener->throttle, connection);
    }
    deadline_arrange(listener);
}

/* Has a worker made for the socket, which stays the caller's. Returns 0 or a negative errno. */
static int worker_start(struct connection *connection, int socket)
{
    struct listener *listener = connection->listener;
    int pair[2];
    int failed = packet_pair(pair);
    if (failed)
        return failed;
    connection->control = pair[0];
    failed = zygote_spawn(listener, connection->id, pair[1]);
    close(pair[1]);
    struct control_client client = {0};
    snprintf(client.address, sizeof(client.address), "%s", connection->address);
    if (!failed)
        failed = message_send(pair[0], &control_protocol, CONTROL_CLIENT, &client, socket);
    if (failed)
        return failed;
    connection->event = event_new(listener->base, pair[0], EV_READ | EV_PERSIST, on_worker, connection);
    event_add(connection->event, NULL);
    broker_want(connection);
    return 0;
}

/* The address as text with its port, and as an IPv6 one to count by. */
static void address_take(const struct sockaddr_storage *from, char *text, size_t size, struct in6_addr *key_r)
{
    char host[INET6_ADDRSTRLEN] = "?";
    memset(key_r, 0, sizeof(*key_r));
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        key_r->s6_addr[10] = key_r->s6_addr[11] = 0xff;
        memcpy(key_r->s6_addr + 12, &in->sin_addr, 4);
        snprintf(text, size, "%s:%u", host, ntohs(in->sin_port));
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
        *key_r = in6->sin6_addr;
        if (mapped)
            inet_ntop(AF_INET, in6->sin6_addr.s6_addr + 12, host, sizeof(host));
        else
            inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(text, size, mapped ? "%s:%u" : "[%s]:%u", host, ntohs(in6->sin6_port));
    } else {
        snprintf(text, size, "local");
    }
}

static void refused(struct listener *listener, const char *address, const char *why)
{
    int64_t now = clock_monotonic_ms();
    listener->refusals++;
    listener->refused++;
    sm_numbers_changed(listener);
    if (now - listener->refusals_logged_ms < REFUSALS_LOG_MS)
        return;
    log_warning(address, "refused: %s (%u refusals since the last such line)", why, listener->refusals);
    listener->refusals_logged_ms = now;
    listener->refusals = 0;
}

static void take_in(struct listener *listener, int socket, const struct sockaddr_storage *from)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    struct in6_addr key;
    void *victim = NULL;
    if (connection == NULL) {
        refused(listener, NULL, "memory is short");
        return;
    }
    connection->listener = listener;
    connection->control = -1;
    connection->id = listener->next_id++;
    address_take(from, connection->address, sizeof(connection->address), &key);
    enum throttle_verdict verdict =
        throttle_admit(listener->throttle, &key, clock_monotonic_ms(), connection, &victim);
    if (verdict != THROTTLE_ADMITTED) {
        refused(listener, connection->address,
                verdict == THROTTLE_TOO_MANY ? "there are as many connections as may be"
                                             : "its address has as many connections as it may");
        free(connection);
        return;
    }
    LIST_INSERT_HEAD(bucket_of(listener, connection->id), connection, link);
    listener->open++;
    listener->accepted++;
    sm_numbers_changed(listener);
    if (victim != NULL)
        connection_drop(victim, "it has not logged on, and others wait");
    log_info(connection->address, "connection %llu", (unsigned long long)connection->id);
    int failed = worker_start(connection, socket);
    if (failed) {
        refused(listener, connection->address, strerror(-failed));
        connection_drop(connection, "no worker can be had");
    }
    deadline_arrange(listener);
}

/* The worker of a client that another listener has left has ended. */
static void on_left_ended(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    connection_free(user);
}

static void count_in(struct listener *listener, const struct left_client *client)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    struct in6_addr key;
    int worker = client->worker;
    if (connection == NULL) {
        close(worker);
        return;
    }
    connection->listener = listener;
    connection->control = worker;
    connection->id = listener->next_id++;
    address_take(&client->from, connection->address, sizeof(connection->address), &key);
    connection->event = event_new(listener->base, worker, EV_READ, on_left_ended, connection);
    LIST_INSERT_HEAD(bucket_of(listener, connection->id), connection, link);
    listener->open++;
    if (connection->event == NULL || event_add(connection->event, NULL) != 0 ||
        !throttle_count_in(listener->throttle, &key, connection))
        connection_free(connection);
}

void connections_count_in(struct listener *listener, const struct left_clients *left)
{
    for (size_t i = 0; i < left->count; i++)
        count_in(listener, &left->all[i]);
    if (left->count == 0)
        return;
    log_info(NULL, "counts %zu clients that the last listener left", left->count);
    sm_numbers_changed(listener);
}

static void on_accept(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct listener *listener = user;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage from = {0};
        socklen_t size = sizeof(from);
        int socket = accept4(fd, (struct sockaddr *)&from, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (socket >= 0) {
            take_in(listener, socket, &from);
            close(socket);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            refused(listener, NULL, strerror(errno));
            event_del(listener->accept_event); /* the loop would spin on a socket that stays readable */
            retry_in(listener->accept_pause, RETRY_MS);
            return;
        } else if (errno == EINVAL) {
            event_del(listener->accept_event); /* it does not listen any more, and smss brings another */
            return;
        }
    }
}

static void on_accept_pause(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    struct listener *listener = user;
    event_add(listener->accept_event, NULL);
}

void connection_exited(struct listener *listener, uint64_t id, uint32_t status)
{
    struct connection *connection;
    LIST_FOREACH(connection, bucket_of(listener, id), link)
    if (connection->id == id)
        break;
    const char *about = connection ? connection->address : NULL;
    if (status == (uint32_t)-1)
        log_error(about, "connection %llu got no worker", (unsigned long long)id);
    else if (WIFSIGNALED((int)status) && WTERMSIG((int)status) != SIGKILL)
        log_warning(about, "the worker of connection %llu was killed by signal %d (%s)",
                    (unsigned long long)id, WTERMSIG((int)status), strsignal(WTERMSIG((int)status)));
    if (connection != NULL)
        connection_free(connection);
    deadline_arrange(listener);
}

void connections_init(struct listener *listener)
{
    listener->next_id = 1;
    TAILQ_INIT(&listener->want_broker);
    for (size_t i = 0; i < CONNECTION_BUCKETS; i++)
        LIST_INIT(&listener->connections[i]);
    listener->accept_event =
        event_new(listener->base, listener->listen, EV_READ | EV_PERSIST, on_accept, listener);
    listener->accept_pause = evtimer_new(listener->base, on_accept_pause, listener);
    listener->broker_retry = evtimer_new(listener->base, on_broker_retry, listener);
    listener->deadline = evtimer_new(listener->base, on_deadline, listener);
}

static void watch_socket(struct listener *listener)
{
    int listens = 0;
    socklen_t size = sizeof(listens);
    if (getsockopt(listener->listen, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens)
        event_add(listener->accept_event, NULL);
    else
        log_info(NULL, "is stopped: no new clients are taken");
}

void connections_start(struct listener *listener)
{
    watch_socket(listener);
    log_info(NULL, "clients are served");
}

void connections_listen_on(struct listener *listener, int socket)
{
    event_free(listener->accept_event);
    event_del(listener->accept_pause);
    close(listener->listen);
    listener->listen = socket;
    listener->accept_event =
        event_new(listener->base, listener->listen, EV_READ | EV_PERSIST, on_accept, listener);
    if (listener->ready)
        watch_socket(listener);
}
