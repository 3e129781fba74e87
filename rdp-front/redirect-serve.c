/* The two ends of each kind of redirection: the client's virtual channels, and the socket of the program in
 * the session. */
#include <errno.h>
#include <freerdp/channels/drdynvc.h>
#include <freerdp/channels/wtsvc.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/packet.h"
#include "rdp-front/channel-flow.h"
#include "rdp-front/redirect.h"
#include "rdp-front/virtual-channel.h"
#include "rdp-front/worker-state.h"

/* What is taken from a program in one turn, before pixels and input have theirs. Of the client's channels all
 * is taken: more than the client sent in this turn is there only after its program has not read. */
#define PACKETS_A_TURN     16
#define WAITING_MOST       (33u << 20)  /* bytes kept for a program that does not read: a whole clipboard */
#define UNREAD_MOST        (128u << 20) /* bytes of a channel that the library keeps meanwhile */
#define UNREAD_HEAD        96           /* what it takes for each message */
#define PROGRAMS_MOST      5            /* started within PROGRAMS_WINDOW_MS */
#define PROGRAMS_WINDOW_MS 60000
/* What is sent in one turn, before a frame has its; and how much the kernel holds unsent meanwhile, so that a
 * frame does not wait behind megabytes on a slow line. */
#define SENT_A_TURN  (16u << 10)
#define UNSENT_MOST  (64u << 10)
#define DYNAMIC_MOST (1u << 20) /* of a message of a dynamic channel, and of any before the logon */
#define MESSAGE_KEPT (1u << 20) /* room for a client's message that stays when it has been read */

/* A packet that the program has yet to take. */
struct waiting {
    struct waiting *next;
    size_t size;
    uint8_t data[];
};

struct redirect {
    struct worker *worker;
    const struct redirect_part *part;
    const struct redirect_kind_facts *facts;
    unsigned kind;
    uint32_t bits; /* allowed, and of channels that the client has */
    bool closed;   /* broken: it is not used any more in this connection */
    void *state;   /* NULL: not begun */
    struct virtual_channel channels[REDIRECT_CHANNELS];
    bool waits[REDIRECT_CHANNELS], told[REDIRECT_CHANNELS], renews[REDIRECT_CHANNELS];
    struct channel_queue queues[REDIRECT_CHANNELS]; /* of static channels */
    size_t unread[REDIRECT_CHANNELS];               /* bytes of these that the library keeps */
    bool refused;                                   /* a channel has not taken a message */
    int program;                                    /* the socket; -1: there is none */
    struct event *readable, *writable;
    struct waiting *first, **last;
    size_t waiting;
    unsigned programs;
    int64_t programs_since_ms;
};

struct redirects {
    struct worker *worker;
    uint32_t allowed;
    struct redirect at[REDIRECT_KINDS];
    struct channel_bounds bounds;
    psPeerReceiveChannelData receive; /* the library's; NULL: there is no client yet */
    size_t most;                      /* of a message of any static channel */
    struct event *pump;               /* more is to be sent in the next turn */
    struct event *writable;           /* the client's socket is, or somebody else has seen to it meanwhile */
    bool dropped;                     /* a message of the client's: one is told of, not each */
    bool held;                        /* a program is not read before the client has taken something */
    bool paced, large;                /* large: a message beyond MESSAGE_KEPT is among what is sent */
    uint8_t *message;                 /* of the client's */
    size_t room;
    uint8_t packet[REDIRECT_PACKET_MAX];
};

static void waiting_free(struct waiting *waiting)
{
    explicit_bzero(waiting->data, waiting->size); /* it may be a password that was copied */
    free(waiting);
}

/* The same for the message that was read last. */
static void message_drop(struct redirects *redirects, size_t size)
{
    explicit_bzero(redirects->message, size);
    if (redirects->room <= MESSAGE_KEPT)
        return;
    free(redirects->message);
    redirects->message = NULL;
    redirects->room = 0;
}

static void on_wake(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what, (void)user; /* the turn does it all */
}

static void program_forget(struct redirect *redirect)
{
    if (redirect->readable != NULL)
        event_free(redirect->readable);
    if (redirect->writable != NULL)
        event_free(redirect->writable);
    redirect->readable = redirect->writable = NULL;
    close_descriptor(&redirect->program);
    while (redirect->first != NULL) {
        struct waiting *next = redirect->first->next;
        waiting_free(redirect->first);
        redirect->first = next;
    }
    redirect->last = &redirect->first;
    redirect->waiting = 0;
}

static void program_gone(struct redirect *redirect)
{
    bool was_there = redirect->program >= 0;
    program_forget(redirect);
    if (was_there && redirect->state != NULL)
        redirect->part->session_gone(redirect->state);
}

static void redirect_end(struct redirect *redirect)
{
    program_forget(redirect);
    if (redirect->state != NULL)
        redirect->part->close(redirect->state);
    redirect->state = NULL;
    for (size_t i = 0; i < REDIRECT_CHANNELS; i++) {
        virtual_channel_close(&redirect->channels[i]);
        channel_queue_finish(&redirect->queues[i]);
    }
    redirect->closed = true;
}

static void give_up(struct redirect *redirect, const char *why)
{
    log_warning(redirect->worker->facts.address, "redirection of %s ends: %s", redirect->facts->name, why);
    redirect_end(redirect);
}

/* Has the display agent start the program, unless it has ended too often. */
static void program_want(struct redirect *redirect)
{
    int64_t now = clock_monotonic_ms();
    if (redirect->state == NULL || redirect->program >= 0 || redirect->worker->channel.fd < 0)
        return;
    if (now - redirect->programs_since_ms > PROGRAMS_WINDOW_MS) {
        redirect->programs_since_ms = now;
        redirect->programs = 0;
    }
    if (++redirect->programs <= PROGRAMS_MOST)
        channel_redirect(redirect->worker, redirect->kind, redirect->bits);
    else
        give_up(redirect, "its program in the session ends again and again");
}

/* Sends what waits. Returns false when the program has gone. */
static bool waiting_flush(struct redirect *redirect)
{
    while (redirect->first != NULL) {
        struct waiting *first = redirect->first;
        int failed = packet_send(redirect->program, first->data, first->size, NULL, 0);
        if (failed == -EAGAIN)
            break;
        if (failed)
            return false;
        redirect->first = first->next;
        redirect->waiting -= sizeof(*first) + first->size;
        waiting_free(first);
    }
    if (redirect->first == NULL)
        redirect->last = &redirect->first;
    else
        event_add(redirect->writable, NULL);
    return true;
}

void redirect_to_session(struct redirect *redirect, const void *data, size_t size)
{
    if (redirect->program < 0)
        return;
    if (redirect->first == NULL && packet_send(redirect->program, data, size, NULL, 0) == 0)
        return;
    size_t takes = sizeof(struct waiting) + size;
    struct waiting *waiting = redirect->waiting + takes <= WAITING_MOST ? malloc(takes) : NULL;
    if (waiting == NULL) {
        log_warning(redirect->worker->facts.address, "%s does not read", redirect->facts->program);
        event_active(redirect->readable, EV_READ, 0);
        shutdown(redirect->program, SHUT_RDWR); /* the turn finds its end: not here, in the part's own call */
        return;
    }
    waiting->next = NULL;
    waiting->size = size;
    memcpy(waiting->data, data, size);
    *redirect->last = waiting;
    redirect->last = &waiting->next;
    redirect->waiting += takes;
    event_add(redirect->writable, NULL);
}

void redirect_to_client(struct redirect *redirect, unsigned channel, const void *data, size_t size)
{
    struct virtual_channel *to = &redirect->channels[channel];
    struct channel_queue *queue = &redirect->queues[channel];
    if (to->handle == NULL || !redirect->told[channel] || size == 0)
        return;
    if (size > MESSAGE_KEPT)
        redirect->worker->redirects->large = true;
    bool good = to->dynamic ? virtual_channel_write(to, data, size)
                            : channel_queue_add(queue, data, size) && channel_queue_pump(queue, SENT_A_TURN);
    redirect->refused = redirect->refused || !good; /* the turn ends it: not here, in the part's own call */
}

static bool redirect_sends(const struct redirect *redirect)
{
    bool waits = false;
    for (size_t i = 0; i < REDIRECT_CHANNELS; i++)
        waits = waits || channel_queue_waits(&redirect->queues[i]);
    return waits;
}

static bool anything_sends(const struct redirects *redirects)
{
    bool sends = false;
    for (size_t i = 0; i < REDIRECT_KINDS; i++)
        sends = sends || redirect_sends(&redirects->at[i]);
    return sends;
}

/* Goes on with what is being sent, and has the kernel hold little of it for as long as there is more. There
 * is another turn after the last piece too: who waited for that is looked after there. */
static void pump(struct redirects *redirects)
{
    bool sends = anything_sends(redirects);
    unsigned most = sends ? UNSENT_MOST : 0; /* 0: as the machine has it */
    if (sends != redirects->paced)
        setsockopt(redirects->worker->socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof(most));
    redirects->paced = sends;
    if (redirects->large && !sends) {
        redirects->large = false;
        malloc_trim(0); /* else what it took stays with the worker */
    }
    if (!sends)
        return;
    for (size_t i = 0; i < REDIRECT_KINDS; i++) {
        for (size_t channel = 0; channel < REDIRECT_CHANNELS; channel++) {
            struct channel_queue *queue = &redirects->at[i].queues[channel];
            if (!channel_queue_pump(queue, SENT_A_TURN))
                channel_queue_finish(queue); /* the connection is broken, as its own turn will find */
        }
    }
    redirects->held = true;
}

/* Another turn when the client has taken something. What is sent of pixels later in this turn may see to that
 * too: the loop's own event for the socket is not waited for then. */
static void wake_arrange(struct redirects *redirects)
{
    freerdp_peer *peer = redirects->worker->peer;
    if (redirects->held && peer->IsWriteBlocked(peer))
        event_add(redirects->writable, NULL);
    else if (redirects->held)
        event_active(redirects->pump, EV_READ, 0);
}

/* Counts what the library keeps of a channel that is read here. Returns its kind when that is too much. */
static struct redirect *unread_count(struct redirects *redirects, uint16_t id, size_t size, uint32_t flags)
{
    for (size_t at = 0; at < REDIRECT_KINDS * REDIRECT_CHANNELS; at++) {
        struct redirect *redirect = &redirects->at[at / REDIRECT_CHANNELS];
        size_t i = at % REDIRECT_CHANNELS;
        if (redirect->channels[i].handle == NULL || redirect->channels[i].dynamic ||
            redirect->queues[i].id != id)
            continue;
        redirect->unread[i] += size + (flags & CHANNEL_FLAG_LAST ? UNREAD_HEAD : 0);
        return redirect->unread[i] > UNREAD_MOST ? redirect : NULL;
    }
    return NULL;
}

static void unread_take(struct redirect *redirect, unsigned index, size_t size)
{
    size_t took = size + UNREAD_HEAD;
    redirect->unread[index] -= took < redirect->unread[index] ? took : redirect->unread[index];
}

/* Before the library keeps a piece of a message. */
static BOOL on_piece(freerdp_peer *peer, UINT16 id, const BYTE *data, size_t size, UINT32 flags, size_t total)
{
    struct worker *worker = peer->ContextExtra;
    struct redirects *redirects = worker->redirects;
    bool dynamic = id == WTSChannelGetId(peer, DRDYNVC_SVC_CHANNEL_NAME);
    if (dynamic && !channel_bounds_dynamic(&redirects->bounds, id, data, size, flags, DYNAMIC_MOST)) {
        log_warning(worker->facts.address, "a message of a dynamic channel is too long");
        return FALSE;
    }
    size_t most = dynamic || worker->stage < STAGE_ATTACHED ? DYNAMIC_MOST : redirects->most;
    enum channel_verdict verdict = channel_bounds_take(&redirects->bounds, id, size, flags, total, most);
    if (verdict == CHANNEL_BREAK)
        log_warning(worker->facts.address, "pieces of a channel's message do not fit together");
    else if (verdict == CHANNEL_DROP && !redirects->dropped)
        log_warning(worker->facts.address, "a channel's message of %zu bytes is too long and dropped", total);
    redirects->dropped = redirects->dropped || verdict == CHANNEL_DROP;
    struct redirect *floods = verdict == CHANNEL_TAKE ? unread_count(redirects, id, size, flags) : NULL;
    if (floods != NULL) {
        give_up(floods, "the client sends more than the session takes");
        return TRUE;
    }
    return verdict == CHANNEL_TAKE ? redirects->receive(peer, id, data, size, flags, total)
                                   : verdict == CHANNEL_DROP;
}

void redirects_bound(struct redirects *redirects)
{
    freerdp_peer *peer = redirects->worker->peer;
    redirects->receive = peer->ReceiveChannelData;
    peer->ReceiveChannelData = on_piece;
}

static bool events_open(struct redirects *redirects)
{
    if (redirects->pump != NULL && redirects->writable != NULL)
        return true;
    redirects->pump = event_new(redirects->worker->base, -1, 0, on_wake, NULL);
    redirects->writable =
        event_new(redirects->worker->base, redirects->worker->socket, EV_WRITE, on_wake, NULL);
    return redirects->pump != NULL && redirects->writable != NULL;
}

static void channels_open(struct redirect *redirect, uint32_t allowed)
{
    for (size_t i = 0; i < REDIRECT_CHANNELS; i++) {
        const struct redirect_channel *channel = &redirect->part->channels[i];
        uint32_t bits = channel->bits & allowed;
        if (channel->name == NULL || bits == 0 || redirect->channels[i].handle != NULL)
            continue;
        enum virtual_channel_state state = virtual_channel_open(&redirect->channels[i], redirect->worker->vcm,
                                                                channel->name, channel->dynamic);
        redirect->waits[i] = state == VIRTUAL_CHANNEL_WAIT;
        if (state == VIRTUAL_CHANNEL_OPEN && !channel->dynamic) {
            freerdp_peer *peer = redirect->worker->peer;
            channel_queue_finish(&redirect->queues[i]);
            channel_queue_init(&redirect->queues[i], peer, WTSChannelGetId(peer, channel->name),
                               freerdp_settings_get_uint32(peer->context->settings, FreeRDP_VCChunkSize));
        }
        if (state != VIRTUAL_CHANNEL_NONE)
            redirect->bits |= bits;
    }
}

/* Not at once: it is the part that asks, perhaps about a message of that channel. */
void redirect_channel_renew(struct redirect *redirect, unsigned channel)
{
    redirect->renews[channel] = true;
}

static void channels_renew(struct redirect *redirect)
{
    for (unsigned i = 0; i < REDIRECT_CHANNELS; i++) {
        if (!redirect->renews[i])
            continue;
        virtual_channel_close(&redirect->channels[i]);
        redirect->renews[i] = redirect->told[i] = false;
        redirect->waits[i] = true;
    }
}

/* Not before the client is active: its channels have been joined then. */
static void redirect_begin(struct redirect *redirect, uint32_t allowed)
{
    channels_open(redirect, allowed);
    if (redirect->bits == 0) {
        redirect->closed = true;
        return;
    }
    redirect->state = redirect->part->open(redirect, redirect->bits);
    if (redirect->state == NULL)
        give_up(redirect, "out of memory");
    program_want(redirect);
}

void redirects_allow(struct redirects *redirects, uint32_t bits)
{
    for (size_t i = 0; i < REDIRECT_KINDS; i++) {
        if (redirects->at[i].state != NULL && (redirects->at[i].bits & ~bits) != 0)
            give_up(&redirects->at[i], "it is no longer allowed");
    }
    redirects->allowed = bits;
}

/* The library keeps the room of the largest message, with what was in it, as long as it has the channel. */
static void channel_renew(struct redirects *redirects, struct redirect *redirect, unsigned index)
{
    struct virtual_channel *channel = &redirect->channels[index];
    if (channel->dynamic || channel_bounds_midway(&redirects->bounds, redirect->queues[index].id) ||
        virtual_channel_next(channel) != 0)
        return;
    virtual_channel_close(channel);
    virtual_channel_open(channel, redirects->worker->vcm, redirect->part->channels[index].name, false);
    malloc_trim(0);
}

/* What comes in its own time, as sound does, is not left in the library: the bound of what waits for the
 * program is its bound. */
static bool may_read(const struct redirect *redirect, unsigned index)
{
    const struct virtual_channel *channel = &redirect->channels[index];
    return channel->handle != NULL && !redirect->renews[index] && !redirect->refused &&
           (redirect->first == NULL || channel->dynamic);
}

/* A client may close one that it has opened by itself, as its microphone's is, and keep the others. */
static const char *channel_ended(struct redirect *redirect, unsigned index)
{
    bool dynamic = redirect->channels[index].dynamic;
    redirect->bits &= ~redirect->part->channels[index].bits;
    if (!dynamic || redirect->bits == 0)
        return "the client's channel has ended";
    log_info(redirect->worker->facts.address, "the client has closed %s",
             redirect->part->channels[index].name);
    virtual_channel_close(&redirect->channels[index]);
    redirect->told[index] = false;
    return NULL;
}

static const char *channel_look(struct redirects *redirects, struct redirect *redirect, unsigned index)
{
    struct virtual_channel *channel = &redirect->channels[index];
    const char *problem = NULL;
    if (channel->handle == NULL || !virtual_channel_ready(channel))
        return NULL;
    if (!redirect->told[index]) {
        redirect->told[index] = true;
        problem = redirect->part->client_there(redirect->state, index);
    }
    while (problem == NULL && may_read(redirect, index)) {
        long size = virtual_channel_next(channel);
        if (size == 0 && !channel_bounds_midway(&redirects->bounds, redirect->queues[index].id))
            redirect->unread[index] = 0; /* empty messages are counted, and not read */
        if (size == 0)
            break;
        if (size < 0)
            return channel_ended(redirect, index);
        if ((size_t)size > redirect->part->client_most)
            return "a message of the client's is too long";
        if ((size_t)size > redirects->room) {
            uint8_t *message = realloc(redirects->message, (size_t)size);
            if (message == NULL)
                return "out of memory";
            redirects->message = message;
            redirects->room = (size_t)size;
        }
        if (!virtual_channel_read(channel, redirects->message, (size_t)size))
            return "the client's channel cannot be read";
        unread_take(redirect, index, (size_t)size);
        problem = redirect->part->from_client(redirect->state, index, redirects->message, (size_t)size);
        message_drop(redirects, (size_t)size);
        if (size > MESSAGE_KEPT)
            channel_renew(redirects, redirect, index);
    }
    return problem;
}

/* More packets than are taken at once may be there: the event fires again. */
static const char *program_look(struct redirects *redirects, struct redirect *redirect)
{
    const char *problem = NULL;
    for (int i = 0; problem == NULL && i < PACKETS_A_TURN && redirect->program >= 0; i++) {
        size_t none = 0;
        ssize_t got =
            packet_receive(redirect->program, redirects->packet, sizeof(redirects->packet), NULL, &none);
        if (got == -EAGAIN)
            break;
        if (got <= 0) {
            program_gone(redirect);
            program_want(redirect);
            break;
        }
        problem = redirect->part->from_session(redirect->state, redirects->packet, (size_t)got);
        explicit_bzero(redirects->packet, (size_t)got);
    }
    return problem;
}

/* What the client has yet to take is waited for: the session's end is not read meanwhile. */
static void redirect_look(struct redirects *redirects, struct redirect *redirect)
{
    const char *problem = NULL;
    bool blocked = redirect_sends(redirect) || redirect->worker->peer->IsWriteBlocked(redirect->worker->peer);
    if (redirect->program >= 0 && !waiting_flush(redirect)) {
        program_gone(redirect);
        program_want(redirect);
    }
    if (redirect->state == NULL)
        return;
    channels_renew(redirect);
    for (unsigned i = 0; i < REDIRECT_CHANNELS; i++) {
        if (redirect->waits[i])
            channels_open(redirect, redirect->part->channels[i].bits & redirect->bits);
        if (problem == NULL)
            problem = channel_look(redirects, redirect, i);
    }
    if (problem == NULL && redirect->program >= 0 && !blocked)
        problem = program_look(redirects, redirect);
    if (problem == NULL && redirect->refused)
        problem = "the client does not take what it is sent";
    channels_renew(redirect);
    redirects->held = redirects->held || (redirect->readable != NULL && blocked);
    if (problem != NULL)
        give_up(redirect, problem);
    else if (redirect->readable != NULL && blocked)
        event_del(redirect->readable);
    else if (redirect->readable != NULL)
        event_add(redirect->readable, NULL);
}

void redirects_poll(struct redirects *redirects)
{
    if (!events_open(redirects))
        return;
    redirects->held = false;
    for (size_t i = 0; i < REDIRECT_KINDS; i++) {
        struct redirect *redirect = &redirects->at[i];
        if (redirect->state == NULL && !redirect->closed && (redirects->allowed & redirect->facts->bits) != 0)
            redirect_begin(redirect, redirects->allowed);
        if (redirect->state != NULL)
            redirect_look(redirects, redirect);
    }
    pump(redirects);
    wake_arrange(redirects);
}

void redirects_session_there(struct redirects *redirects)
{
    for (size_t i = 0; i < REDIRECT_KINDS; i++) {
        redirects->at[i].programs = 0; /* another session, or agent: its programs have not ended yet */
        program_want(&redirects->at[i]);
    }
}

void redirects_session_gone(struct redirects *redirects)
{
    for (size_t i = 0; i < REDIRECT_KINDS; i++)
        program_gone(&redirects->at[i]);
}

void redirects_program(struct redirects *redirects, unsigned kind, int fd)
{
    struct redirect *redirect = kind < REDIRECT_KINDS ? &redirects->at[kind] : NULL;
    if (redirect == NULL || redirect->state == NULL) {
        close_descriptor(&fd);
        return;
    }
    program_gone(redirect);
    packet_take_descriptors(fd, false);
    redirect->program = fd;
    redirect->readable = event_new(redirects->worker->base, fd, EV_READ | EV_PERSIST, on_wake, NULL);
    redirect->writable = event_new(redirects->worker->base, fd, EV_WRITE, on_wake, NULL);
    if (redirect->readable == NULL || redirect->writable == NULL) {
        give_up(redirect, "out of memory");
        return;
    }
    event_add(redirect->readable, NULL);
    const char *problem = redirect->part->session_there(redirect->state);
    if (problem != NULL)
        give_up(redirect, problem);
}

uint32_t redirects_in_use(const struct redirects *redirects)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < REDIRECT_KINDS; i++) {
        const struct redirect *redirect = &redirects->at[i];
        for (size_t at = 0; redirect->program >= 0 && at < REDIRECT_CHANNELS; at++)
            bits |= redirect->told[at] ? redirect->part->channels[at].bits & redirect->bits : 0;
    }
    return bits;
}

struct redirects *redirects_new(struct worker *worker)
{
    struct redirects *redirects = calloc(1, sizeof(*redirects));
    if (redirects == NULL)
        return NULL;
    redirects->worker = worker;
    for (unsigned i = 0; i < REDIRECT_KINDS; i++) {
        struct redirect *redirect = &redirects->at[i];
        redirect->worker = worker;
        redirect->part = redirect_parts[i];
        redirect->facts = &redirect_kinds[i];
        redirect->kind = i;
        redirect->closed = redirect->part == NULL;
        redirect->program = -1;
        redirect->last = &redirect->first;
        if (redirect->part != NULL && redirect->part->client_most > redirects->most)
            redirects->most = redirect->part->client_most;
    }
    return redirects;
}

void redirects_end(struct redirects *redirects)
{
    for (size_t i = 0; i < REDIRECT_KINDS; i++)
        redirect_end(&redirects->at[i]);
}

void redirects_free(struct redirects *redirects)
{
    if (redirects == NULL)
        return;
    redirects_end(redirects);
    if (redirects->receive != NULL)
        redirects->worker->peer->ReceiveChannelData = redirects->receive;
    if (redirects->pump != NULL)
        event_free(redirects->pump);
    if (redirects->writable != NULL)
        event_free(redirects->writable);
    free(redirects->message);
    free(redirects);
}
