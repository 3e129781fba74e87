#include "display/redirect.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>

#include "common/log.h"
#include "common/packet.h"
#include "display/child.h"

void redirects_init(struct redirects *redirects_r)
{
    for (size_t i = 0; i < REDIRECTS_MOST; i++)
        redirects_r->at[i].child = -1;
}

/* It unmounts, or gives back what it has, before it ends. */
static void ask_to_end(struct redirects *redirects, size_t index)
{
    if (redirects->at[index].child >= 0)
        pidfd_send_signal(redirects->at[index].child, SIGTERM, NULL, 0);
}

static void end_of_viewer(struct redirects *redirects, uint64_t viewer, uint32_t kinds)
{
    for (size_t i = 0; i < REDIRECTS_MOST; i++) {
        if (redirects->at[i].viewer == viewer && kinds & 1U << redirects->at[i].kind)
            ask_to_end(redirects, i);
    }
}

static size_t find_free(const struct redirects *redirects)
{
    size_t i = 0;
    while (i < REDIRECTS_MOST && redirects->at[i].child >= 0)
        i++;
    return i;
}

static int start(const struct redirect_kind_facts *kind, uint32_t bits, int input)
{
    char number[12];
    snprintf(number, sizeof(number), "%u", bits);
    char *arguments[] = {(char *)kind->program, (char *)"--redirect", number, NULL};
    return child_start(kind->program, arguments, input);
}

int redirects_start(struct redirects *redirects, uint64_t viewer, unsigned kind, uint32_t bits)
{
    int pair[2];
    if (kind >= REDIRECT_KINDS || (bits & redirect_kinds[kind].bits) == 0)
        return -ENOENT;
    end_of_viewer(redirects, viewer, 1U << kind);
    size_t index = find_free(redirects);
    if (index == REDIRECTS_MOST)
        return -EBUSY;
    int failed = packet_pair(pair);
    if (failed)
        return failed;
    int child = start(&redirect_kinds[kind], bits & redirect_kinds[kind].bits, pair[0]);
    close_descriptor(&pair[0]);
    if (child < 0) {
        close_descriptor(&pair[1]);
        return child;
    }
    redirects->at[index].child = child;
    redirects->at[index].viewer = viewer;
    redirects->at[index].kind = kind;
    return pair[1];
}

void redirects_viewer_gone(struct redirects *redirects, uint64_t viewer)
{
    end_of_viewer(redirects, viewer, UINT32_MAX);
}

void redirects_look(struct redirects *redirects, size_t index)
{
    int status;
    const char *program = redirect_kinds[redirects->at[index].kind].program;
    if (child_ended(&redirects->at[index].child, &status) && status != 0)
        log_warning(program, "ended with status %d", status);
}

void redirects_end(struct redirects *redirects)
{
    for (size_t i = 0; i < REDIRECTS_MOST; i++) {
        ask_to_end(redirects, i);
        close_descriptor(&redirects->at[i].child);
    }
}
