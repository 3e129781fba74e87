#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "common/text.h"
#include "rdp-front/worker-state.h"

#define TRIES_MAX 3

/* What the settings hold; `room` counts the NUL. False where it does not fit or is no text. */
static bool take_setting(rdpSettings *settings, FreeRDP_Settings_Keys_String key, char *text, size_t room)
{
    const char *value = freerdp_settings_get_string(settings, key);
    text[0] = '\0';
    return value == NULL || (text_is_utf8(value, strlen(value)) && text_copy(text, room, value));
}

static void settings_wipe_password(rdpSettings *settings)
{
    char *password = freerdp_settings_get_string_writable(settings, FreeRDP_Password);
    if (password != NULL)
        explicit_bzero(password, strlen(password));
    if (!freerdp_settings_set_string(settings, FreeRDP_Password, ""))
        log_debug(NULL, "the emptied password stays in the settings");
}

static void screen_ask(struct worker *worker, const char *message)
{
    struct screen *screen = worker_screen(worker);
    if (screen == NULL) {
        worker_end(worker, REASON_INTERNAL, NULL);
        return;
    }
    worker->stage = STAGE_LOGON_SCREEN;
    screen_logon(screen, worker->setup->host, worker->facts.user, message, worker->facts.keyboard_layout);
    screen_locks(screen, worker->locks);
    worker_show_screen(worker);
}

/* Takes over what was typed; wipes it. */
static void logon_begin(struct worker *worker, struct credentials *credentials)
{
    worker->tries++;
    bool good = credentials->user[0] != '\0' && text_is_printable(credentials->user);
    int pipe = good ? credentials_pipe(credentials) : -EINVAL;
    text_copy(worker->facts.user, sizeof(worker->facts.user), good ? credentials->user : "");
    credentials_wipe(credentials);
    if (!good) {
        logon_refused(worker, REASON_NAME, NULL);
        return;
    }
    if (pipe < 0) {
        worker_end(worker, REASON_INTERNAL, NULL);
        return;
    }
    close_descriptor(&worker->credentials);
    worker->credentials = pipe;
    worker->stage = STAGE_LOGGING_ON;
    logon_send(worker);
}

void logon_send(struct worker *worker)
{
    if (worker->credentials < 0 || worker->lsm < 0)
        return;
    int failed = broker_logon(worker);
    close_descriptor(&worker->credentials);
    if (failed) {
        log_error(worker->facts.address, "cannot ask the broker: %s", strerror(-failed));
        worker_end(worker, REASON_NO_BROKER, NULL);
    }
}

void logon_from_settings(struct worker *worker)
{
    struct credentials credentials;
    rdpSettings *settings = worker->peer->context->settings;
    bool good_user = take_setting(settings, FreeRDP_Username, credentials.user, sizeof(credentials.user));
    bool good_password =
        take_setting(settings, FreeRDP_Password, credentials.password, sizeof(credentials.password));
    settings_wipe_password(settings);
    if (!good_user) {
        credentials_wipe(&credentials);
        worker->tries++;
        logon_refused(worker, REASON_NAME, NULL);
    } else if (!good_password) {
        text_copy(worker->facts.user, sizeof(worker->facts.user), credentials.user);
        credentials_wipe(&credentials);
        worker->tries++;
        logon_refused(worker, REASON_CREDENTIALS, NULL);
    } else if (credentials.password[0] == '\0') {
        if (text_is_printable(credentials.user))
            text_copy(worker->facts.user, sizeof(worker->facts.user), credentials.user);
        credentials_wipe(&credentials);
        screen_ask(worker, NULL);
    } else {
        logon_begin(worker, &credentials);
    }
}

void logon_from_screen(struct worker *worker)
{
    struct credentials credentials;
    if (worker->stage != STAGE_LOGON_SCREEN || !screen_take(worker->screen, &credentials))
        return;
    logon_begin(worker, &credentials);
    if (worker->stage == STAGE_LOGGING_ON) {
        screen_notice(worker->screen, worker->setup->host, "Signing in ...", NULL);
        worker_show_screen(worker);
    }
}

/* Only what the person can put right by typing again is asked again. */
void logon_refused(struct worker *worker, enum reason reason, const char *detail)
{
    log_info(worker->facts.address, "%s is refused: %s", worker->facts.user, reason_name(reason));
    bool again = (reason == REASON_CREDENTIALS || reason == REASON_NAME) && worker->tries < TRIES_MAX;
    if (again)
        screen_ask(worker, reason_sentence(reason));
    else
        worker_end(worker, reason, detail);
}
