#include "ctl/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/reason.h"
#include "common/text.h"

void ctl_say(const char *format, ...)
{
    char text[1500], safe[2000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    fprintf(stderr, "lodgectl: %s\n", text_escape(safe, sizeof(safe), text));
}

static const char *next_step(uint32_t reason)
{
    static const struct {
        uint32_t reason;
        const char *step;
    } steps[] = {
        {REASON_NO_SESSION, "lodgectl list shows the sessions that there are."},
        {REASON_FORBIDDEN, "Run it as root or as a member of the group that AdminGroup names."},
        {REASON_WRONG_STATE, "lodgectl show tells the session's state."},
        {REASON_BAD_REQUEST, "Compare the versions: lodgectl version."},
        {REASON_BUSY, "Try again in a moment."},
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (steps[i].reason == reason)
            return steps[i].step;
    }
    return "";
}

/* What the server says about it fits better than the sentence, which is about sessions, or programs. */
static bool detail_says_all(uint32_t reason)
{
    return reason == REASON_WRONG_STATE || reason == REASON_BAD_REQUEST;
}

enum ctl_exit ctl_say_refusal(const char *about, uint32_t reason, const char *detail)
{
    const char *step = next_step(reason);
    bool more = detail != NULL && detail[0] != '\0';
    if (more && detail_says_all(reason)) {
        ctl_say("%s: %s (%s)", about, detail, reason_name(reason));
        return CTL_FAILED;
    }
    ctl_say("%s: %s (%s%s%s)%s%s", about, reason_sentence(reason), reason_name(reason), more ? ": " : "",
            more ? detail : "", step[0] != '\0' ? " " : "", step);
    return CTL_FAILED;
}

enum ctl_exit ctl_say_unreachable(const char *path, const char *config, int problem)
{
    switch (problem) {
    case ENOENT:
    case ECONNREFUSED:
        ctl_say("%s: no server is there. Start it with \"systemctl start lodge\" or \"lodge-smss --config "
                "%s\", or name its configuration with --config.",
                path, config);
        break;
    case EACCES:
    case EPERM:
        ctl_say("%s: permission to use this port is missing. Run lodgectl as root, or see who may enter the "
                "folders above it.",
                path);
        break;
    case ETIMEDOUT:
    case EAGAIN:
        ctl_say("%s: the server does not answer. Its log says what it does; try again in a moment.", path);
        break;
    case EPROTO:
        ctl_say("%s: the answer cannot be understood. Compare the versions: lodgectl --version, lodge-smss "
                "--version.",
                path);
        break;
    case EPIPE:
        ctl_say("%s: the server closed the connection without an answer. Its log says why.", path);
        break;
    default:
        ctl_say("%s: %s", path, strerror(problem));
        break;
    }
    return CTL_UNREACHABLE;
}
