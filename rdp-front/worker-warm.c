#include <errno.h>
#include <freerdp/channels/channels.h>
#include <freerdp/freerdp.h>
#include <freerdp/peer.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <winpr/ssl.h>
#include <winpr/wlog.h>
#include <winpr/wtsapi.h>

#include "rdp-front/graphics.h"
#include "rdp-front/peer-settings.h"
#include "rdp-front/worker.h"

static bool pair_load(const char *certificate, const char *key, rdpCertificate **certificate_r,
                      rdpPrivateKey **key_r)
{
    *certificate_r = freerdp_certificate_new_from_pem(certificate);
    *key_r = freerdp_key_new_from_pem(key);
    if (*certificate_r != NULL && *key_r != NULL)
        return true;
    freerdp_certificate_free(*certificate_r);
    freerdp_key_free(*key_r);
    return false;
}

/* Makes and frees all that a connection has: what the library loads at first use is loaded then. */
static bool connection_rehearse(const char *certificate, const char *key)
{
    int pair[2];
    rdpCertificate *rehearsal_certificate = NULL;
    rdpPrivateKey *rehearsal_key = NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    freerdp_peer *peer = freerdp_peer_new(pair[0]);
    bool done = peer != NULL && freerdp_peer_context_new(peer) &&
                pair_load(certificate, key, &rehearsal_certificate, &rehearsal_key) &&
                peer_settings_apply(peer->context->settings, rehearsal_certificate, rehearsal_key) &&
                peer->Initialize(peer);
    HANDLE vcm = done ? WTSOpenServerA((LPSTR)peer->context) : NULL;
    done = done && vcm != NULL && vcm != INVALID_HANDLE_VALUE;
    if (done)
        WTSCloseServer(vcm);
    if (peer != NULL) {
        freerdp_peer_context_free(peer);
        freerdp_peer_free(peer);
    }
    close(pair[1]);
    return done;
}

/* The library's own lines are for debugging: what they say comes from clients. */
static void library_quiet(const struct conf *conf)
{
    wLog *root = WLog_GetRoot();
    WLog_SetLogAppenderType(root, WLOG_APPENDER_CONSOLE);
    WLog_ConfigureAppender(WLog_GetLogAppender(root), "outputstream", (void *)"stderr");
    WLog_SetLogLevel(root, conf->log_level >= 3 ? WLOG_WARN : WLOG_OFF);
}

bool worker_warm_up(struct worker_setup *setup, const char *certificate, const char *key, char *error,
                    size_t error_size)
{
    tzset();
    /* Without a home the library makes no settings, and a service manager gives none; whose home it is would
     * matter to it too (certificates, settings). A worker has none: its root is empty. */
    setenv("HOME", "/", 1);
    if (gethostname(setup->host, sizeof(setup->host) - 1) != 0)
        setup->host[0] = '\0';
    library_quiet(&setup->conf);
    setup->font = font_load(error, error_size);
    if (setup->font == NULL)
        return false;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_free(context);
    const char *problem = NULL;
    if (context == NULL || !winpr_InitializeSSL(WINPR_SSL_INIT_DEFAULT))
        problem = "OpenSSL cannot be set up";
    else if (!WTSRegisterWtsApiFunctionTable(FreeRDP_InitWtsApi()))
        problem = "the library's channel manager cannot be set up";
    else if (!pair_load(certificate, key, &setup->certificate, &setup->key))
        problem = "the RDP library refuses the certificate or its key";
    else if (!graphics_warm_up())
        problem = "a codec cannot be made";
    else if (!connection_rehearse(certificate, key))
        problem = "the RDP library cannot make a connection";
    if (problem != NULL)
        snprintf(error, error_size, "%s", problem);
    tls_watch_start(&setup->tls);
    return problem == NULL;
}
