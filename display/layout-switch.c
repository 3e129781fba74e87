#include "display/layout-switch.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "common/log.h"
#include "common/packet.h"
#include "display/rules.h"

extern char **environ;

void layout_switch_init(struct layout_switch *change_r, struct x *x)
{
    *change_r = (struct layout_switch){.child_fd = -1};
    xcb_get_property_cookie_t cookie =
        xcb_get_property(x->connection, 0, x->root, x_atom(x, "_XKB_RULES_NAMES"), XCB_ATOM_STRING, 0, 64);
    xcb_get_property_reply_t *reply = xcb_get_property_reply(x->connection, cookie, NULL);
    if (reply != NULL && reply->format == 8)
        rules_layout(xcb_get_property_value(reply), (size_t)xcb_get_property_value_length(reply),
                     change_r->current, sizeof(change_r->current));
    free(reply);
}

static void layout_name(const struct layout *layout, char *name, size_t size)
{
    snprintf(name, size, "%s/%s", layout->layout, layout->variant);
}

/* Starts setxkbmap. A second group comes with the keys that change groups, as on Windows. */
static bool start(struct layout_switch *change, const struct layout *layout)
{
    bool groups = strchr(layout->layout, ',') != NULL;
    char *const arguments[] = {"setxkbmap",
                               "-rules",
                               RULES_EVDEV,
                               "-model",
                               "pc105",
                               "-layout",
                               (char *)layout->layout,
                               "-variant",
                               (char *)layout->variant,
                               groups ? "-option" : NULL,
                               "grp:alt_shift_toggle",
                               NULL};
    pid_t pid;
    int failed = posix_spawnp(&pid, arguments[0], NULL, NULL, arguments, environ);
    if (failed) {
        log_warning(NULL, "setxkbmap cannot be started: %s", strerror(failed));
        return false;
    }
    change->child_fd = pidfd_open(pid, 0);
    if (change->child_fd < 0) { /* out of descriptors: it ends by itself, and is taken here */
        waitpid(pid, NULL, 0);
        return false;
    }
    change->running = layout;
    return true;
}

bool layout_switch_want(struct layout_switch *change, const struct layout *layout)
{
    char name[sizeof(change->current)];
    if (layout == NULL)
        return change->child_fd != -1;
    if (change->child_fd != -1) {
        change->wanted = layout;
        return true;
    }
    layout_name(layout, name, sizeof(name));
    return strcmp(name, change->current) != 0 && start(change, layout);
}

bool layout_switch_child_ended(struct layout_switch *change)
{
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)change->child_fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
        return true;
    close_descriptor(&change->child_fd);
    const struct layout *layout = change->running, *next = change->wanted;
    change->running = change->wanted = NULL;
    if (info.si_code == CLD_EXITED && info.si_status == 0) {
        layout_name(layout, change->current, sizeof(change->current));
    } else {
        log_warning(NULL, "setxkbmap could not set the layout %s", layout->layout);
        change->current[0] = '\0';
    }
    return next != NULL && next != layout && layout_switch_want(change, next);
}
