#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "common/text.h"
#include "rdp-front/worker-state.h"

#define TRIES_MAX 3
#define AGAIN_MS  10

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

static void on_again(evutil_socket_t fd, short what, void *worker)
{
    (void)fd, (void)what;
    logon_send(worker);
}

/* The broker has not come to see yet who connects: it takes no descriptor from strangers. Or so many
 * descriptors of the front end's are on their way to others that the kernel takes no more of them for now:
 * many clients come at once, and each brings some. */
static bool is_too_early(struct worker *worker, int failed)
{
    if (failed == -ETOOMANYREFS && !worker->crowd_told)
        log_info(worker->facts.address, "waits: too many descriptors are on their way");
    worker->crowd_told |= failed == -ETOOMANYREFS;
    return failed == -EPERM || failed == -ETOOMANYREFS;
}

void logon_send(struct worker *worker)
{
    static const struct timeval again = {0, AGAIN_MS * 1000};
    if (worker->credentials < 0 || worker->lsm < 0)
        return;
    int failed = broker_logon(worker);
    if (is_too_early(worker, failed) &&
        event_base_once(worker->base, -1, EV_TIMEOUT, on_again, worker, &again) == 0)
        return;
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

/* "NAME (ADDRESS)" of the client, as far as they are known; without the port. */
static void describe_client(const Lodge__Lsm__Client *client, char *text, size_t size)
{
    char address[64];
    text_copy(address, sizeof(address), client != NULL ? client->address : "");
    char *port = strrchr(address, ':');
    if (port != NULL)
        *port = '\0';
    bool named = client != NULL && client->name[0] != '\0';
    if (named && address[0] != '\0')
        snprintf(text, size, "%.64s (%s)", client->name, address);
    else
        snprintf(text, size, "%.64s", named ? client->name : address[0] != '\0' ? address : "another place");
}

void logon_ask(struct worker *worker, const Lodge__Lsm__TakeOverQuestion *question)
{
    char place[160], sentence[320], detail[128];
    struct screen *screen = worker_screen(worker);
    if (screen == NULL) {
        worker_end(worker, REASON_INTERNAL, NULL);
        return;
    }
    describe_client(question->client, place, sizeof(place));
    snprintf(sentence, sizeof(sentence),
             "Somebody is connected to your session from %s. Do you want to take it over from there?", place);
    uint64_t minutes =
        question->now_ms > question->connect_ms ? (question->now_ms - question->connect_ms) / 60000 : 0;
    snprintf(detail, sizeof(detail), "Connected for %llu minutes. Programs go on as they are.",
             (unsigned long long)minutes);
    log_info(worker->facts.address, "%s is asked whether to take session %u over", worker->facts.user,
             question->session);
    worker->stage = STAGE_ASKING;
    screen_question(screen, worker->setup->host, sentence, detail, "Take over", "Cancel");
    screen_locks(screen, worker->locks);
    worker_show_screen(worker);
}

void logon_from_question(struct worker *worker)
{
    bool yes;
    if (worker->stage != STAGE_ASKING || !screen_answer(worker->screen, &yes))
        return;
    worker->stage = STAGE_LOGGING_ON;
    screen_notice(worker->screen, worker->setup->host, "Signing in ...", NULL);
    worker_show_screen(worker);
    broker_take_over(worker, yes);
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
