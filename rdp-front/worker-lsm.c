#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "common/text.h"
#include "rdp-front/worker-state.h"

/* What the client says that it runs on, "" where that is not known (yet). */
static const char *platform_of(const struct worker *worker)
{
    static const char *const names[] = {
        [OSMAJORTYPE_WINDOWS] = "windows", [OSMAJORTYPE_OS2] = "os2",
        [OSMAJORTYPE_MACINTOSH] = "macos", [OSMAJORTYPE_UNIX] = "unix",
        [OSMAJORTYPE_IOS] = "ios",         [OSMAJORTYPE_OSX] = "macos",
        [OSMAJORTYPE_ANDROID] = "android", [OSMAJORTYPE_CHROME_OS] = "chromeos"};
    if (!worker->activated_once)
        return "";
    uint32_t type = freerdp_settings_get_uint32(worker->peer->context->settings, FreeRDP_OsMajorType);
    return type < sizeof(names) / sizeof(names[0]) && names[type] != NULL ? names[type] : "";
}

/* The facts as a message. The texts belong to `worker` and `security`. */
static Lodge__Lsm__Client client_message(struct worker *worker, char *security, size_t size)
{
    Lodge__Lsm__Client client = LODGE__LSM__CLIENT__INIT;
    const char *codec = worker->graphics ? graphics_codec(worker->graphics) : "none";
    text_copy(worker->codec, sizeof(worker->codec), codec);
    client.name = worker->facts.name;
    client.address = worker->facts.address;
    client.width = worker->facts.width;
    client.height = worker->facts.height;
    client.keyboard_layout = worker->facts.keyboard_layout;
    client.build = worker->facts.build;
    client.codec = strcmp(worker->codec, "none") == 0 ? (char *)"" : worker->codec;
    tls_watch_describe(&worker->setup->tls, security, size);
    client.security = security;
    client.platform = (char *)platform_of(worker);
    client.product = worker->facts.product;
    client.redirects = worker->redirects_told = redirects_in_use(worker->redirects);
    return client;
}

/* Sends a request; `pending` is what its answer will be about. Returns 0 or a negative errno. */
static int send_request(struct worker *worker, Lodge__Lsm__Request *request, enum pending pending, int fd)
{
    if (worker->lsm < 0)
        return -ENOTCONN;
    request->serial = ++worker->serial;
    int failed = lsm_send_request(worker->lsm, request, fd);
    if (!failed && pending != PENDING_NONE) {
        worker->pending = pending;
        worker->pending_serial = request->serial;
    }
    return failed;
}

int broker_logon(struct worker *worker)
{
    char security[128];
    Lodge__Lsm__Client client = client_message(worker, security, sizeof(security));
    Lodge__Lsm__LogonRequest logon = LODGE__LSM__LOGON_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    logon.client = &client;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LOGON;
    request.logon = &logon;
    return send_request(worker, &request, PENDING_LOGON, worker->credentials);
}

void broker_take_over(struct worker *worker, bool yes)
{
    Lodge__Lsm__TakeOverRequest take_over = LODGE__LSM__TAKE_OVER_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    take_over.yes = yes;
    request.method_case = LODGE__LSM__REQUEST__METHOD_TAKE_OVER;
    request.take_over = &take_over;
    if (send_request(worker, &request, PENDING_LOGON, -1) != 0)
        worker_end(worker, REASON_NO_BROKER, NULL);
}

void broker_attach(struct worker *worker)
{
    Lodge__Lsm__AttachRequest attach = LODGE__LSM__ATTACH_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    attach.session = worker->session;
    attach.viewer = worker->viewer;
    request.method_case = LODGE__LSM__REQUEST__METHOD_ATTACH;
    request.attach = &attach;
    if (worker->lsm >= 0 && worker->pending != PENDING_ANNOUNCE)
        send_request(worker, &request, PENDING_ATTACH, -1); /* else once it is back: broker_open */
}

static void broker_announce(struct worker *worker)
{
    char security[128];
    Lodge__Lsm__Client client = client_message(worker, security, sizeof(security));
    Lodge__Lsm__AnnounceRequest announce = LODGE__LSM__ANNOUNCE_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    announce.session = worker->session;
    announce.viewer = worker->viewer;
    announce.client = &client;
    request.method_case = LODGE__LSM__REQUEST__METHOD_ANNOUNCE;
    request.announce = &announce;
    send_request(worker, &request, PENDING_ANNOUNCE, -1);
}

void broker_tell_codec(struct worker *worker)
{
    if (worker->stage != STAGE_ATTACHED || worker->lsm < 0 || worker->pending != PENDING_NONE ||
        (strcmp(worker->codec, graphics_codec(worker->graphics)) == 0 &&
         worker->redirects_told == redirects_in_use(worker->redirects)))
        return;
    char security[128];
    Lodge__Lsm__Client client = client_message(worker, security, sizeof(security));
    Lodge__Lsm__ClientRequest tell = LODGE__LSM__CLIENT_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    tell.client = &client;
    request.method_case = LODGE__LSM__REQUEST__METHOD_CLIENT;
    request.client = &tell;
    send_request(worker, &request, PENDING_NONE, -1);
    log_info(worker->facts.address, "frames go out as %s, %s", worker->codec, security);
}

bool broker_tell_traffic(struct worker *worker, Lodge__Lsm__Traffic *traffic)
{
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.method_case = LODGE__LSM__REQUEST__METHOD_TRAFFIC;
    request.traffic = traffic;
    return worker->pending == PENDING_NONE && send_request(worker, &request, PENDING_NONE, -1) == 0;
}

void broker_ask_shadow(struct worker *worker, uint64_t viewer, uint32_t session, uint64_t *serial_r)
{
    Lodge__Lsm__ShadowChannelRequest shadow = LODGE__LSM__SHADOW_CHANNEL_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    shadow.viewer = viewer;
    shadow.session = session;
    request.method_case = LODGE__LSM__REQUEST__METHOD_SHADOW_CHANNEL;
    request.shadow_channel = &shadow;
    if (worker->stage == STAGE_ATTACHED && send_request(worker, &request, PENDING_NONE, -1) == 0)
        *serial_r = request.serial;
}

/* An answer that brings the viewer's end of a channel. */
static void on_attached(struct worker *worker, const Lodge__Lsm__Attached *attached, int *fd)
{
    bool first = worker->stage != STAGE_ATTACHED;
    if (worker->session != attached->session)
        worker->reattachments = 0; /* moved: they count how often one session's agent ends */
    worker->session = attached->session;
    worker->viewer = attached->viewer;
    worker->stage = STAGE_ATTACHED;
    redirects_allow(worker->redirects, attached->redirect);
    channel_open(&worker->channel, *fd);
    *fd = -1;
    shadow_listen(worker);
    if (!first)
        return;
    log_info(worker->facts.address, "%s has session %u%s", attached->user, worker->session,
             attached->reconnected ? " back" : "");
    worker_logged_on(worker);
}

static enum reason reason_of(const Lodge__Lsm__Answer *answer)
{
    return answer->reason < REASON_COUNT ? (enum reason)answer->reason : REASON_INTERNAL;
}

static void on_answer(struct worker *worker, const Lodge__Lsm__Answer *answer, int *fd)
{
    enum pending pending = worker->pending;
    if (answer->serial == worker->shadow.serial) {
        shadow_take(worker, answer, fd);
        return;
    }
    if (pending == PENDING_NONE || answer->serial != worker->pending_serial)
        return; /* of a `client` request: it says nothing */
    if (pending == PENDING_LOGON && answer->result_case == LODGE__LSM__ANSWER__RESULT_QUESTION) {
        logon_ask(worker, answer->question); /* the logon may be refused all the same, by the same serial */
        return;
    }
    worker->pending = PENDING_NONE;
    bool attached = answer->result_case == LODGE__LSM__ANSWER__RESULT_ATTACHED && *fd >= 0;
    if (answer->reason == REASON_NONE && pending != PENDING_ANNOUNCE && attached)
        on_attached(worker, answer->attached, fd);
    else if (answer->reason == REASON_NONE && pending == PENDING_ANNOUNCE && worker->channel.fd < 0)
        broker_attach(worker);
    else if (answer->reason == REASON_NONE && pending != PENDING_ANNOUNCE)
        worker_end(worker, REASON_INTERNAL, "The broker's answer has no channel.");
    else if (answer->reason != REASON_NONE && pending == PENDING_LOGON)
        logon_refused(worker, reason_of(answer), answer->detail);
    else if (answer->reason != REASON_NONE)
        worker_end(worker, reason_of(answer), answer->detail);
    if (answer->reason == REASON_NONE && pending == PENDING_ANNOUNCE)
        shadow_listen(worker);
}

static void broker_lost(struct worker *worker)
{
    enum pending pending = worker->pending;
    broker_close(worker);
    shadow_broker_lost(worker);
    if (pending == PENDING_LOGON)
        worker_end(worker, REASON_NO_BROKER, NULL);
    else
        control_want_broker(worker);
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct worker *worker = user;
    Lodge__Lsm__Answer *answer = NULL;
    int descriptor = -1;
    int got = lsm_receive_answer(fd, &answer, &descriptor);
    if (got == -EAGAIN)
        return;
    if (got <= 0) {
        if (got < 0)
            log_error(worker->facts.address, "the broker broke the protocol: %s", strerror(-got));
        broker_lost(worker);
        return;
    }
    on_answer(worker, answer, &descriptor);
    close_descriptor(&descriptor);
    lodge__lsm__answer__free_unpacked(answer, NULL);
}

void broker_open(struct worker *worker, int fd)
{
    if (worker->stage >= STAGE_NOTICE) {
        close(fd);
        return;
    }
    worker->lsm = fd;
    traffic_forget(worker);
    worker->lsm_event = event_new(worker->base, fd, EV_READ | EV_PERSIST, on_readable, worker);
    event_add(worker->lsm_event, NULL);
    if (worker->stage == STAGE_ATTACHED)
        broker_announce(worker);
    else
        logon_send(worker);
}

void broker_close(struct worker *worker)
{
    if (worker->lsm < 0)
        return;
    event_free(worker->lsm_event);
    worker->lsm_event = NULL;
    close_descriptor(&worker->lsm);
    worker->pending = PENDING_NONE;
}
