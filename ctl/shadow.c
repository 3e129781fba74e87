/* shadow: another session is shown to the client of one, besides its own client. */
#include <inttypes.h>
#include <stdio.h>

#include "ctl/commands.h"
#include "ctl/say.h"
#include "ctl/server.h"
#include "ctl/session.h"

/* For the person's answer. */
#define CONSENT_MS 60000

static enum ctl_exit stop(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__Answer *answer;
    enum ctl_exit result = session_ask(arguments, conf, LODGE__LSM__REQUEST__METHOD_SHADOW_STOP,
                                       LODGE__LSM__ANSWER__RESULT__NOT_SET, &answer);
    if (result != CTL_DONE)
        return result;
    printf("The shadowing of or by session %u has ended.\n", arguments->id);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}

/* Returns false, having said why, where the options exclude each other. */
static bool take_mode(const struct ctl_arguments *arguments, Lodge__Lsm__ShadowMode *mode_r)
{
    bool control = (arguments->options & CTL_BIT(CONTROL)) != 0;
    bool view = (arguments->options & CTL_BIT(VIEW)) != 0;
    bool ends = (arguments->options & CTL_BIT(STOP)) != 0;
    if ((control && view) || (ends && (control || view || arguments->values[CTL_OPTION_FROM] != NULL))) {
        ctl_say("--control and --view exclude each other, and --stop takes neither, nor --from.");
        return false;
    }
    *mode_r = control ? LODGE__LSM__SHADOW_MODE__SHADOW_CONTROL
              : view  ? LODGE__LSM__SHADOW_MODE__SHADOW_VIEW
                      : LODGE__LSM__SHADOW_MODE__SHADOW_AS_ALLOWED;
    return true;
}

enum ctl_exit ctl_shadow(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__ShadowRequest shadow = LODGE__LSM__SHADOW_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    char about[64];
    if (!take_mode(arguments, &shadow.mode))
        return CTL_USAGE;
    if ((arguments->options & CTL_BIT(STOP)) != 0)
        return stop(arguments, conf);
    if (!session_take_from(arguments, &shadow.from))
        return CTL_USAGE;
    shadow.session = arguments->id;
    snprintf(about, sizeof(about), "session %u, for the client of session %" PRIu32, arguments->id,
             shadow.from);
    request.method_case = LODGE__LSM__REQUEST__METHOD_SHADOW;
    request.shadow = &shadow;
    enum ctl_exit result = server_ask_once_slowly(arguments, conf, about, &request, CONSENT_MS,
                                                  LODGE__LSM__ANSWER__RESULT_SHADOWING, &answer);
    if (result != CTL_DONE)
        return result;
    printf("Session %u is shown to the client of session %" PRIu32
           ", %s. Ctrl with * of the numeric keypad, or\n"
           "lodgectl shadow --stop %u, ends that.\n",
           arguments->id, shadow.from, answer->shadowing->control ? "with control" : "who looks on",
           arguments->id);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}
