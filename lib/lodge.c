/* Connections, and what is asked without much of an answer. */
#include "lib/lodge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "common/text.h"
#include "lib/ask.h"

#define CONSENT_MS 30000 /* a person has to answer in */

int lodge_open_port(const char *path, struct lodge **lodge_r, struct lodge_error *error)
{
    struct lodge *lodge = malloc(sizeof(*lodge));
    if (lodge == NULL)
        return lodge_failed(error, -ENOMEM, NULL);
    lodge->stream = LODGE__LSM__ANSWER__RESULT__NOT_SET;
    int failed = client_open(&lodge->client, path);
    if (failed != 0) {
        free(lodge);
        return lodge_failed(error, failed, path);
    }
    *lodge_r = lodge;
    return 0;
}

int lodge_open(const char *path, struct lodge **lodge_r, struct lodge_error *error)
{
    struct conf conf;
    char why[sizeof(error->text)], port[CONF_TEXT_MAX + sizeof(LSM_PORT_NAME) + 1];
    if (!conf_load(&conf, path != NULL ? path : CONF_DEFAULT_FILE, why, sizeof(why)))
        return lodge_failed(error, -EINVAL, why);
    return lodge_open_port(conf_run_path(&conf, LSM_PORT_NAME, port, sizeof(port)), lodge_r, error);
}

void lodge_close(struct lodge *lodge)
{
    if (lodge == NULL)
        return;
    client_close(&lodge->client);
    free(lodge);
}

int lodge_ping(struct lodge *lodge, struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer;
    int failed = lodge_ask_nothing(lodge, LODGE__LSM__REQUEST__METHOD_PING,
                                   LODGE__LSM__ANSWER__RESULT__NOT_SET, &answer, error);
    if (failed == 0)
        lodge__lsm__answer__free_unpacked(answer, NULL);
    return failed;
}

int lodge_version(struct lodge *lodge, char *version, size_t size, uint32_t *protocol_r,
                  struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer;
    int failed = lodge_ask_nothing(lodge, LODGE__LSM__REQUEST__METHOD_VERSION,
                                   LODGE__LSM__ANSWER__RESULT_VERSION, &answer, error);
    if (failed != 0)
        return failed;
    bool fits = strlen(answer->version->version) < size;
    if (fits) {
        text_copy(version, size, answer->version->version);
        *protocol_r = answer->version->protocol;
    }
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return fits ? 0 : lodge_failed(error, -EINVAL, "There is no room for the version.");
}

static int ask_of_session(struct lodge *lodge, Lodge__Lsm__Request__MethodCase method, uint32_t session,
                          struct lodge_error *error)
{
    Lodge__Lsm__Answer *answer;
    int failed =
        lodge_ask_of_session(lodge, method, session, LODGE__LSM__ANSWER__RESULT__NOT_SET, &answer, error);
    if (failed == 0)
        lodge__lsm__answer__free_unpacked(answer, NULL);
    return failed;
}

int lodge_disconnect(struct lodge *lodge, uint32_t session, struct lodge_error *error)
{
    return ask_of_session(lodge, LODGE__LSM__REQUEST__METHOD_DISCONNECT, session, error);
}

int lodge_logoff(struct lodge *lodge, uint32_t session, struct lodge_error *error)
{
    return ask_of_session(lodge, LODGE__LSM__REQUEST__METHOD_LOGOFF, session, error);
}

int lodge_reset(struct lodge *lodge, uint32_t session, struct lodge_error *error)
{
    return ask_of_session(lodge, LODGE__LSM__REQUEST__METHOD_RESET, session, error);
}

int lodge_lock(struct lodge *lodge, uint32_t session, struct lodge_error *error)
{
    return ask_of_session(lodge, LODGE__LSM__REQUEST__METHOD_LOCK, session, error);
}

_Static_assert((int)LODGE_SHADOW_CONTROL == (int)LODGE__LSM__SHADOW_MODE__SHADOW_CONTROL &&
                   (int)LODGE_SHADOW_VIEW == (int)LODGE__LSM__SHADOW_MODE__SHADOW_VIEW,
               "the modes of lodge.h are those of the protocol");

int lodge_shadow(struct lodge *lodge, uint32_t session, uint32_t from, enum lodge_shadow mode,
                 uint32_t hotkey, uint32_t modifiers, bool *control_r, struct lodge_error *error)
{
    Lodge__Lsm__ShadowRequest which = LODGE__LSM__SHADOW_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    which.session = session;
    which.from = from;
    which.mode = (Lodge__Lsm__ShadowMode)mode;
    which.hotkey = hotkey;
    which.modifiers = modifiers;
    request.method_case = LODGE__LSM__REQUEST__METHOD_SHADOW;
    request.shadow = &which;
    int failed =
        lodge_ask_slowly(lodge, &request, CONSENT_MS, LODGE__LSM__ANSWER__RESULT_SHADOWING, &answer, error);
    if (failed != 0)
        return failed;
    if (control_r != NULL)
        *control_r = answer->shadowing->control;
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return 0;
}

int lodge_shadow_stop(struct lodge *lodge, uint32_t session, struct lodge_error *error)
{
    return ask_of_session(lodge, LODGE__LSM__REQUEST__METHOD_SHADOW_STOP, session, error);
}

int lodge_connect(struct lodge *lodge, uint32_t session, uint32_t from, struct lodge_error *error)
{
    Lodge__Lsm__ConnectRequest which = LODGE__LSM__CONNECT_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    which.session = session;
    which.from = from;
    request.method_case = LODGE__LSM__REQUEST__METHOD_CONNECT;
    request.connect = &which;
    return lodge_ask_plainly(lodge, &request, error);
}
