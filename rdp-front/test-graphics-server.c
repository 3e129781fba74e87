#include "rdp-front/test-graphics-server.h"

#include <arpa/inet.h>
#include <freerdp/channels/channels.h>
#include <freerdp/channels/wtsvc.h>
#include <freerdp/peer.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <winpr/wtsapi.h>

#include "common/clock.h"
#include "rdp-front/peer-settings.h"
#include "tests/check.h"

#define HANDLES 32

static char *pem_text(BIO *bio)
{
    char *data = NULL;
    long size = BIO_get_mem_data(bio, &data);
    char *text = strndup(data, (size_t)size);
    CHECK(text != NULL);
    BIO_free(bio);
    return text;
}

static void certificate_make(struct test_server *server)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    X509 *certificate = X509_new();
    CHECK(key != NULL && certificate != NULL);
    X509_NAME *name = X509_get_subject_name(certificate);
    CHECK(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"localhost", -1, -1, 0));
    CHECK(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1));
    CHECK(X509_gmtime_adj(X509_getm_notBefore(certificate), -60) != NULL);
    CHECK(X509_gmtime_adj(X509_getm_notAfter(certificate), 86400) != NULL);
    CHECK(X509_set_issuer_name(certificate, name) && X509_set_pubkey(certificate, key));
    CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    CHECK(bio != NULL && PEM_write_bio_X509(bio, certificate));
    server->certificate = pem_text(bio);
    bio = BIO_new(BIO_s_mem());
    CHECK(bio != NULL && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
    server->key = pem_text(bio);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void server_open(struct test_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *server = (struct test_server){.listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    CHECK(server->listening >= 0);
    CHECK(bind(server->listening, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(server->listening, 4) == 0);
    CHECK(getsockname(server->listening, (struct sockaddr *)&address, &size) == 0);
    server->port = ntohs(address.sin_port);
    signal(SIGPIPE, SIG_IGN);
    WTSRegisterWtsApiFunctionTable(FreeRDP_InitWtsApi());
    certificate_make(server);
}

void server_close(struct test_server *server)
{
    server_drop(server);
    close(server->listening);
    free(server->certificate);
    free(server->key);
}

static struct test_server *server_of(rdpContext *context)
{
    return context->peer->ContextExtra;
}

static BOOL on_activate(freerdp_peer *peer)
{
    struct test_server *server = peer->ContextExtra;
    if (server->activations++ == 0)
        server->activated_ms = clock_monotonic_ms();
    graphics_activated(server->graphics);
    return TRUE;
}

static BOOL on_post_connect(freerdp_peer *peer)
{
    return peer != NULL;
}

static BOOL on_refresh(rdpContext *context, BYTE count, const RECTANGLE_16 *areas)
{
    (void)count;
    (void)areas;
    graphics_refresh(server_of(context)->graphics);
    return TRUE;
}

static BOOL on_suppress(rdpContext *context, BYTE allow, const RECTANGLE_16 *area)
{
    (void)area;
    graphics_suppress(server_of(context)->graphics, !allow);
    return TRUE;
}

static BOOL on_acknowledged(rdpContext *context, UINT32 frame)
{
    graphics_acknowledged(server_of(context)->graphics, frame);
    return TRUE;
}

static void on_frame_done(void *user)
{
    struct test_server *server = user;
    server->frames_done++;
}

static void server_prepare(struct test_server *server, int fd, bool pipeline)
{
    static const struct graphics_callbacks callbacks = {on_frame_done};
    freerdp_peer *peer = server->peer = freerdp_peer_new(fd);
    CHECK(peer != NULL);
    peer->ContextExtra = server;
    CHECK(freerdp_peer_context_new(peer));
    rdpPrivateKey *key = freerdp_key_new_from_pem(server->key);
    rdpCertificate *certificate = freerdp_certificate_new_from_pem(server->certificate);
    CHECK(key != NULL && certificate != NULL);
    CHECK(peer_settings_apply(peer->context->settings, certificate, key));
    CHECK(freerdp_settings_set_bool(peer->context->settings, FreeRDP_SupportGraphicsPipeline, pipeline));
    peer->Activate = on_activate;
    peer->PostConnect = on_post_connect;
    rdpUpdate *update = peer->context->update;
    update->RefreshRect = on_refresh;
    update->SuppressOutput = on_suppress;
    update->SurfaceFrameAcknowledge = on_acknowledged;
    server->channels = WTSOpenServerA((LPSTR)peer->context);
    CHECK(server->channels != NULL && server->channels != INVALID_HANDLE_VALUE);
    CHECK(peer->Initialize(peer));
    server->graphics = graphics_start(peer->context, pipeline ? server->channels : NULL, &callbacks, server);
    CHECK(server->graphics != NULL);
}

bool server_accept(struct test_server *server, bool pipeline)
{
    struct pollfd waiting = {.fd = server->listening, .events = POLLIN};
    if (poll(&waiting, 1, 20000) != 1)
        return false;
    int fd = accept4(server->listening, NULL, NULL, SOCK_CLOEXEC);
    CHECK(fd >= 0);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    server->activations = server->frames_done = 0;
    server->gone = false;
    server_prepare(server, fd, pipeline);
    return true;
}

static void server_wait(struct test_server *server, int wait_ms)
{
    struct pollfd waiting[HANDLES + 3];
    HANDLE handles[HANDLES];
    nfds_t count = 0;
    DWORD peer_handles = server->peer->GetEventHandles(server->peer, handles, HANDLES);
    for (DWORD i = 0; i < peer_handles; i++)
        waiting[count++] = (struct pollfd){.fd = GetEventFileDescriptor(handles[i]), .events = POLLIN};
    HANDLE channels = WTSVirtualChannelManagerGetEventHandle(server->channels);
    if (server->peer->activated)
        waiting[count++] = (struct pollfd){.fd = GetEventFileDescriptor(channels), .events = POLLIN};
    waiting[count++] = (struct pollfd){.fd = graphics_event_fd(server->graphics), .events = POLLIN};
    if (server->peer->IsWriteBlocked(server->peer))
        waiting[count++] = (struct pollfd){.fd = server->peer->sockfd, .events = POLLOUT};
    int next = graphics_next_ms(server->graphics);
    poll(waiting, count, next >= 0 && next < wait_ms ? next : wait_ms);
}

bool server_step(struct test_server *server, int wait_ms)
{
    if (server->gone)
        return false;
    server_wait(server, wait_ms);
    bool alive = server->peer->CheckFileDescriptor(server->peer);
    if (alive && server->peer->activated)
        alive = WTSVirtualChannelManagerCheckFileDescriptor(server->channels);
    server->gone = !alive || !graphics_poll(server->graphics);
    return !server->gone;
}

void server_drop(struct test_server *server)
{
    if (server->peer == NULL)
        return;
    graphics_end(server->graphics);
    WTSCloseServer(server->channels);
    server->peer->Disconnect(server->peer);
    freerdp_peer_context_free(server->peer);
    freerdp_peer_free(server->peer);
    server->peer = NULL;
    server->graphics = NULL;
}
