/* WTSEnumerateListeners, WTSQueryListenerConfig. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <winpr/error.h>
#include <winpr/string.h>

#include "lib/wtsapi.h"

#define NO_LIMIT       0xFFFFFFFF
#define TLS            2 /* SecurityLayer: TLS */
#define HIGH           3 /* MinEncryptionLevel */
#define NAME_MAX_BYTES ((WTS_LISTENER_NAME_LENGTH + 1) * 4)

/* As names of terminals begin with it (wtsapi_station). */
static const char *name_of(const struct lodge_listener *listener)
{
    return strcmp(listener->name, "rdp") == 0 ? "RDP-Tcp" : listener->name;
}

/* The names go into an array of the caller's of *count_r; without one it is told how long that has to be. */
static BOOL enumerate(HANDLE server, bool right, bool wide, void *names, DWORD *count_r)
{
    struct lodge_listeners *listeners;
    if (!right || count_r == NULL)
        return wtsapi_fail(ERROR_INVALID_PARAMETER);
    struct lodge *lodge = wtsapi_connect(server);
    if (lodge == NULL)
        return FALSE;
    int code = lodge_listeners(lodge, &listeners, NULL);
    lodge_close(lodge);
    if (code != 0)
        return wtsapi_result(code);
    bool fits = names == NULL || *count_r >= listeners->count;
    for (size_t i = 0; names != NULL && fits && i < listeners->count; i++) {
        void *name = wide ? (void *)((PWTSLISTENERNAMEW)names)[i] : ((PWTSLISTENERNAMEA)names)[i];
        wtsapi_text_fix(name, WTS_LISTENER_NAME_LENGTH + 1, name_of(listeners->listener[i]), wide);
    }
    *count_r = (DWORD)listeners->count;
    lodge_listeners_free(listeners);
    return fits || wtsapi_fail(ERROR_INSUFFICIENT_BUFFER);
}

BOOL WINAPI wtsapi_listeners_a(HANDLE server, PVOID reserved, DWORD reserved_too, PWTSLISTENERNAMEA names,
                               DWORD *count_r)
{
    return enumerate(server, reserved == NULL && reserved_too == 0, false, names, count_r);
}

BOOL WINAPI wtsapi_listeners_w(HANDLE server, PVOID reserved, DWORD reserved_too, PWTSLISTENERNAMEW names,
                               DWORD *count_r)
{
    return enumerate(server, reserved == NULL && reserved_too == 0, true, names, count_r);
}

/* What both kinds of the struct have alike: their numbers are in the same places. */
_Static_assert(offsetof(WTSLISTENERCONFIGA, Comment) == offsetof(WTSLISTENERCONFIGW, Comment) &&
                   offsetof(WTSLISTENERCONFIGA, UserAuthentication) ==
                       offsetof(WTSLISTENERCONFIGW, UserAuthentication),
               "both kinds have the same numbers in the same places");

static ULONG number(const struct lodge_policy *policy, const char *key)
{
    for (size_t i = 0; i < policy->count; i++) {
        const struct lodge_policy_value *value = policy->value[i];
        if (strcmp(value->section, "Sessions") == 0 && strcmp(value->key, key) == 0)
            return (ULONG)strtoul(value->value, NULL, 10);
    }
    return 0;
}

static ULONG milliseconds(const struct lodge_policy *policy, const char *key)
{
    return wtsapi_dword((uint64_t)number(policy, key) * 1000);
}

static void fill(WTSLISTENERCONFIGA *config, const struct lodge_listener *listener,
                 const struct lodge_policy *policy)
{
    config->version = 1;
    config->fEnableListener = strcmp(listener->state, "stopped") != 0;
    config->MaxConnectionCount = NO_LIMIT;
    config->ColorDepth = 5; /* 32 bits */
    config->BrokenTimeoutSettings = number(policy, "BrokenConnection");
    config->fDisableClipboardRedirection = number(policy, "Clipboard") == 0;
    config->fDisableDriveRedirection = number(policy, "Drives") == 0;
    config->fDisableAudioRedirection = number(policy, "AudioPlayback") == 0;
    config->fDisablePrinterRedirection = TRUE; /* there is none of these */
    config->fDisableComPortRedirection = TRUE;
    config->fDisableLPTPortRedirection = TRUE;
    config->fDisablePNPRedirection = TRUE;
    config->PortNumber = listener->port;
    config->ShadowSettings = number(policy, "Shadow"); /* as Windows has it */
    config->TimeoutSettingsConnection = milliseconds(policy, "MaxConnectedSeconds");
    config->TimeoutSettingsDisconnection = milliseconds(policy, "MaxDisconnectedSeconds");
    config->TimeoutSettingsIdle = milliseconds(policy, "MaxIdleSeconds");
    config->SecurityLayer = TLS;
    config->MinEncryptionLevel = HIGH;
}

/* Fills what `name` is the name of. As liblodge; LODGE_REASON_NO_SESSION: there is no such listener. */
static int query(struct lodge *lodge, const char *name, WTSLISTENERCONFIGA *config)
{
    struct lodge_listeners *listeners;
    struct lodge_policy *policy;
    int code = lodge_listeners(lodge, &listeners, NULL);
    if (code != 0)
        return code;
    size_t i = 0;
    while (i < listeners->count && strcasecmp(name_of(listeners->listener[i]), name) != 0)
        i++;
    code = i < listeners->count ? lodge_policy(lodge, &policy, NULL) : LODGE_REASON_NO_SESSION;
    if (code == 0) {
        fill(config, listeners->listener[i], policy);
        lodge_policy_free(policy);
    }
    lodge_listeners_free(listeners);
    return code;
}

/* `size` bytes of *config_r, whose texts are empty. */
static BOOL query_config(HANDLE server, bool right, const char *name, void *config_r, size_t size)
{
    WTSLISTENERCONFIGA config = {0};
    if (!right || name == NULL || config_r == NULL)
        return wtsapi_fail(ERROR_INVALID_PARAMETER);
    struct lodge *lodge = wtsapi_connect(server);
    if (lodge == NULL)
        return FALSE;
    int code = query(lodge, name, &config);
    lodge_close(lodge);
    if (code == LODGE_REASON_NO_SESSION)
        return wtsapi_fail(ERROR_FILE_NOT_FOUND);
    if (code != 0)
        return wtsapi_result(code);
    memset(config_r, 0, size);
    memcpy(config_r, &config, offsetof(WTSLISTENERCONFIGA, Comment));
    return TRUE;
}

BOOL WINAPI wtsapi_listener_config_a(HANDLE server, PVOID reserved, DWORD reserved_too, LPSTR name,
                                     PWTSLISTENERCONFIGA config_r)
{
    return query_config(server, reserved == NULL && reserved_too == 0, name, config_r, sizeof(*config_r));
}

BOOL WINAPI wtsapi_listener_config_w(HANDLE server, PVOID reserved, DWORD reserved_too, LPWSTR name,
                                     PWTSLISTENERCONFIGW config_r)
{
    char narrow[NAME_MAX_BYTES];
    bool right = reserved == NULL && reserved_too == 0 && name != NULL &&
                 ConvertWCharToUtf8(name, narrow, sizeof(narrow)) >= 0;
    return query_config(server, right, narrow, config_r, sizeof(*config_r));
}
