#include <errno.h>
#include <freerdp/channels/channels.h>
#include <freerdp/channels/wtsvc.h>
#include <freerdp/freerdp.h>
#include <freerdp/peer.h>
#include <freerdp/session.h>
#include <freerdp/settings.h>
#include <freerdp/update.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <winpr/synch.h>
#include <winpr/wtsapi.h>

#include "common/log.h"
#include "common/text.h"
#include "rdp-front/peer-settings.h"
#include "rdp-front/worker-state.h"

#define HANDLES           4
#define KEEPALIVE_IDLE_S  30
#define KEEPALIVE_EVERY_S 10
#define KEEPALIVE_COUNT   3
#define UNACKNOWLEDGED_MS 60000

static struct worker *worker_of(const rdpContext *context)
{
    return context->peer->ContextExtra;
}

static uint32_t size_within(uint32_t size, uint32_t most)
{
    size &= ~1u;
    return size < WINSTATION_MIN_SIZE ? WINSTATION_MIN_SIZE : size > most ? most : size;
}

/* What the broker is told about the client; the size is held within what a session can have. */
static void facts_take(struct worker *worker, rdpSettings *settings)
{
    struct client_facts *facts = &worker->facts;
    const char *name = freerdp_settings_get_string(settings, FreeRDP_ClientHostname);
    if (name != NULL && text_is_utf8(name, strlen(name)))
        text_escape(facts->name, sizeof(facts->name), name);
    const char *product = freerdp_settings_get_string(settings, FreeRDP_ClientProductId);
    if (product != NULL && text_is_utf8(product, strlen(product)))
        text_escape(facts->product, sizeof(facts->product), product);
    facts->width =
        size_within(freerdp_settings_get_uint32(settings, FreeRDP_DesktopWidth), WINSTATION_MAX_WIDTH);
    facts->height =
        size_within(freerdp_settings_get_uint32(settings, FreeRDP_DesktopHeight), WINSTATION_MAX_HEIGHT);
    facts->keyboard_layout = freerdp_settings_get_uint32(settings, FreeRDP_KeyboardLayout);
    facts->build = freerdp_settings_get_uint32(settings, FreeRDP_ClientBuild);
}

/* The client's settings are there, with name and password. Comes again at each reactivation. */
static BOOL on_capabilities(freerdp_peer *peer)
{
    struct worker *worker = peer->ContextExtra;
    rdpSettings *settings = peer->context->settings;
    if (worker->capabilities_seen)
        return TRUE;
    worker->capabilities_seen = true;
    facts_take(worker, settings);
    BOOL done = freerdp_settings_set_uint32(settings, FreeRDP_DesktopWidth, worker->facts.width) &&
                freerdp_settings_set_uint32(settings, FreeRDP_DesktopHeight, worker->facts.height);
    logon_from_settings(worker);
    return done;
}

static BOOL on_post_connect(freerdp_peer *peer)
{
    (void)peer;
    return TRUE;
}

static BOOL on_activate(freerdp_peer *peer)
{
    struct worker *worker = peer->ContextExtra;
    graphics_activated(worker->graphics);
    if (!worker->activated_once) {
        worker->activated_once = true;
        worker_activated(worker);
    }
    return TRUE;
}

static BOOL on_refresh(rdpContext *context, BYTE count, const RECTANGLE_16 *areas)
{
    (void)count, (void)areas;
    graphics_refresh(worker_of(context)->graphics);
    return TRUE;
}

static BOOL on_suppress(rdpContext *context, BYTE allow, const RECTANGLE_16 *area)
{
    (void)area;
    struct worker *worker = worker_of(context);
    if (worker->suppressed == !allow)
        return TRUE;
    worker->suppressed = !allow;
    graphics_suppress(worker->graphics, worker->suppressed);
    if (worker->stage == STAGE_ATTACHED)
        channel_suppress(channel_shown(worker), worker->suppressed);
    return TRUE;
}

static BOOL on_frame_acknowledged(rdpContext *context, UINT32 frame)
{
    graphics_acknowledged(worker_of(context)->graphics, frame);
    return TRUE;
}

static void on_frame_done(void *user)
{
    struct worker *worker = user;
    if (worker->stage == STAGE_ATTACHED && worker->drawn != NULL)
        channel_frame_done(worker->drawn);
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    struct worker *worker = user;
    worker->peer_due = true;
}

/* Waking the loop is all that is wanted: each turn looks after everything. */
static void on_wake(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what, (void)user;
}

static void callbacks_set(freerdp_peer *peer)
{
    rdpUpdate *update = peer->context->update;
    peer->Capabilities = on_capabilities;
    peer->PostConnect = on_post_connect;
    peer->Activate = on_activate;
    update->RefreshRect = on_refresh;
    update->SuppressOutput = on_suppress;
    update->SurfaceFrameAcknowledge = on_frame_acknowledged;
}

static bool events_open(struct worker *worker)
{
    HANDLE handles[HANDLES];
    DWORD count = worker->peer->GetEventHandles(worker->peer, handles, HANDLES);
    for (DWORD i = 0; i < count; i++) {
        int fd = GetEventFileDescriptor(handles[i]);
        worker->peer_read[i] = event_new(worker->base, fd, EV_READ | EV_PERSIST, on_readable, worker);
        event_add(worker->peer_read[i], NULL);
    }
    worker->peer_write = event_new(worker->base, worker->socket, EV_WRITE, on_wake, worker);
    int channels = GetEventFileDescriptor(WTSVirtualChannelManagerGetEventHandle(worker->vcm));
    worker->vcm_event = event_new(worker->base, channels, EV_READ | EV_PERSIST, on_wake, worker);
    return count > 0;
}

/* A dead network is noticed within a minute, also by a worker that only sends. After the library, which wants
 * an answer within nine seconds: less than a client may stop for. */
static void socket_prepare(int socket)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS},
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (setsockopt(socket, options[i].level, options[i].name, &options[i].value, sizeof(int)) != 0)
            log_debug(NULL, "socket option %d: %s", options[i].name, strerror(errno));
}

bool peer_open(struct worker *worker, int socket)
{
    static const struct graphics_callbacks callbacks = {on_frame_done};
    worker->socket = socket;
    worker->peer = freerdp_peer_new(socket);
    if (worker->peer == NULL) {
        close(socket);
        return false;
    }
    worker->peer->ContextExtra = worker;
    if (!freerdp_peer_context_new(worker->peer))
        return false;
    socket_prepare(socket);
    rdpContext *context = worker->peer->context;
    if (!peer_settings_apply(context->settings, worker->setup->certificate, worker->setup->key))
        return false;
    callbacks_set(worker->peer);
    input_open(worker, context->input);
    worker->vcm = WTSOpenServerA((LPSTR)context);
    if (worker->vcm == NULL || worker->vcm == INVALID_HANDLE_VALUE || !worker->peer->Initialize(worker->peer))
        return false;
    redirects_bound(worker->redirects);
    worker->graphics = graphics_start(context, worker->vcm, &callbacks, worker);
    return worker->graphics != NULL && events_open(worker);
}

static void cork(struct worker *worker, int on)
{
    if (worker->peer != NULL && tls_watch_is_done(&worker->setup->tls))
        setsockopt(worker->socket, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
}

void peer_gather(struct worker *worker)
{
    cork(worker, 1);
}

void peer_release(struct worker *worker)
{
    cork(worker, 0);
}

bool peer_pump(struct worker *worker)
{
    freerdp_peer *peer = worker->peer;
    if (worker->peer_due) {
        worker->peer_due = false;
        if (!peer->CheckFileDescriptor(peer))
            return false;
    }
    if (peer->IsWriteBlocked(peer) && peer->DrainOutputBuffer(peer) < 0)
        return false;
    /* not before: its first call opens drdynvc, or gives that up for good */
    if (!peer->activated)
        return true;
    /* The queue is empty after this, but its event may stay: the library sets it when drdynvc is ready, with
     * nothing in the queue, and takes it back only after a message. */
    bool good = WTSVirtualChannelManagerCheckFileDescriptor(worker->vcm);
    ResetEvent(WTSVirtualChannelManagerGetEventHandle(worker->vcm));
    if (worker->stage >= STAGE_NOTICE) { /* nobody reads these channels any more, nor is to be heard by one */
        display_control_close(worker);
        redirects_end(worker->redirects);
    } else if (good) {
        display_control_poll(worker, on_wake);
    }
    if (worker->stage == STAGE_ATTACHED && worker->activated_once)
        redirects_poll(worker->redirects);
    return good;
}

void peer_tell_logon(struct worker *worker)
{
    rdpUpdate *update = worker->peer->context->update;
    if (update->SaveSessionInfo != NULL)
        update->SaveSessionInfo(worker->peer->context, INFO_TYPE_LOGON_PLAIN_NOTIFY, NULL);
}

static void graphics_event_arrange(struct worker *worker)
{
    int fd = worker->stage < STAGE_CLOSING ? graphics_event_fd(worker->graphics) : -1;
    if (worker->graphics_event != NULL && event_get_fd(worker->graphics_event) == fd)
        return;
    if (worker->graphics_event != NULL)
        event_free(worker->graphics_event);
    worker->graphics_event = NULL;
    if (fd < 0)
        return;
    worker->graphics_event = event_new(worker->base, fd, EV_READ | EV_PERSIST, on_wake, worker);
    event_add(worker->graphics_event, NULL);
}

void peer_arrange(struct worker *worker)
{
    if (worker->peer->IsWriteBlocked(worker->peer))
        event_add(worker->peer_write, NULL);
    if (worker->peer->activated)
        event_add(worker->vcm_event, NULL);
    else
        event_del(worker->vcm_event); /* it is not read now, so waiting for it would spin */
    if (worker->display.event != NULL && worker->peer->activated)
        event_add(worker->display.event, NULL);
    else if (worker->display.event != NULL)
        event_del(worker->display.event);
    graphics_event_arrange(worker);
    int wait = worker->stage < STAGE_CLOSING ? graphics_next_ms(worker->graphics) : -1;
    if (wait >= 0) {
        struct timeval delay = {wait / 1000, wait % 1000 * 1000};
        event_add(worker->tick, &delay);
    } else {
        event_del(worker->tick);
    }
}

void peer_say_goodbye(struct worker *worker, enum reason reason)
{
    /* Close() sends the error info after Deactivate All, where FreeRDP's clients no longer take it. */
    freerdp_set_error_info(worker->peer->context->rdp, reason_error_info(reason));
    if (reason_error_info(reason) != 0)
        freerdp_send_error_info(worker->peer->context->rdp);
    worker->peer->Close(worker->peer);
}

static void event_drop(struct event **event)
{
    if (*event != NULL)
        event_free(*event);
    *event = NULL;
}

void peer_close(struct worker *worker)
{
    for (size_t i = 0; i < sizeof(worker->peer_read) / sizeof(worker->peer_read[0]); i++)
        event_drop(&worker->peer_read[i]);
    event_drop(&worker->peer_write);
    event_drop(&worker->vcm_event);
    event_drop(&worker->graphics_event);
    display_control_close(worker);
    graphics_end(worker->graphics);
    worker->graphics = NULL;
    redirects_free(worker->redirects);
    worker->redirects = NULL;
    if (worker->vcm != NULL && worker->vcm != INVALID_HANDLE_VALUE)
        WTSCloseServer(worker->vcm);
    if (worker->peer == NULL)
        return;
    if (worker->peer->context != NULL) {
        worker->peer->Disconnect(worker->peer);
        freerdp_peer_context_free(worker->peer);
    }
    freerdp_peer_free(worker->peer);
    worker->peer = NULL;
}
