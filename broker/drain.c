#include "broker/limits.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "broker/broker.h"
#include "broker/keep.h"
#include "common/log.h"
#include "common/packet.h"
#include "common/text.h"

#define PATH_ROOM   (CONF_TEXT_MAX + 32)
#define STAT_ROOM   1024
#define START_FIELD 20 /* of /proc/PID/stat, counted from the state on */

static const char *const drain_names[] = {
    [POLICY_DRAIN_OFF] = "off",
    [POLICY_DRAIN_RECONNECTS] = "reconnects",
    [POLICY_DRAIN_UNTIL_RESTART] = "until-restart",
};
_Static_assert(sizeof(drain_names) / sizeof(drain_names[0]) == POLICY_DRAIN_MODES, "each mode has its name");

const char *limits_drain_name(enum policy_drain mode)
{
    return drain_names[mode];
}

/* The file has one line: the mode's name, and the lodge-smss where it ends with that one. */
static bool parse_drain(char *text, struct drain *drain)
{
    char *end = strchr(text, '\n');
    if (end == NULL || end[1] != '\0')
        return false;
    *end = '\0';
    char *until = strchr(text, ' ');
    if (until != NULL)
        *until++ = '\0';
    for (int mode = 0; mode < POLICY_DRAIN_MODES; mode++) {
        if (strcmp(text, drain_names[mode]) != 0)
            continue;
        if ((until != NULL) != (mode == POLICY_DRAIN_UNTIL_RESTART))
            return false;
        drain->mode = (enum policy_drain)mode;
        return until == NULL || text_copy(drain->until, sizeof(drain->until), until);
    }
    return false;
}

void limits_load(struct broker *broker)
{
    char path[PATH_ROOM], text[DRAIN_SMSS_ROOM + 32];
    struct drain drain = {0};
    conf_state_path(&broker->conf, "db/drain", path, sizeof(path));
    int failed = keep_read(path, text, sizeof(text));
    if (failed == -ENOENT)
        return;
    if (failed) {
        log_error(path, "the drain mode cannot be read, so it is off: %s", strerror(-failed));
    } else if (!parse_drain(text, &drain)) {
        log_error(path, "this is no drain mode, so it is off");
    } else {
        broker->drain = drain;
        log_info("broker", "the drain mode is %s", drain_names[drain.mode]);
    }
}

static int keep_drain(const struct broker *broker, enum policy_drain mode)
{
    char path[PATH_ROOM], text[DRAIN_SMSS_ROOM + 32];
    bool until = mode == POLICY_DRAIN_UNTIL_RESTART;
    snprintf(text, sizeof(text), "%s%s%s\n", drain_names[mode], until ? " " : "",
             until ? broker->drain.smss : "");
    return keep_write(conf_state_path(&broker->conf, "db/drain", path, sizeof(path)), text);
}

int limits_set_drain(struct broker *broker, enum policy_drain mode, uid_t uid)
{
    char detail[64];
    int failed = keep_drain(broker, mode);
    if (failed)
        return failed;
    broker->drain.mode = mode;
    text_copy(broker->drain.until, sizeof(broker->drain.until), broker->drain.smss);
    snprintf(detail, sizeof(detail), "%s, by uid %u", drain_names[mode], (unsigned)uid);
    log_info("broker", "the drain mode is %s", detail);
    record_event(broker, EVENT_DRAIN, 0, NULL, NULL, REASON_NONE, detail);
    return 0;
}

/* When the process was started, in ticks since the boot; "?" where that cannot be known. */
static void start_time_of(pid_t pid, char *text, size_t size)
{
    char path[32], stat[STAT_ROOM];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    snprintf(text, size, "?");
    if (keep_read(path, stat, sizeof(stat)) != 0)
        return;
    char *at = strrchr(stat, ')'); /* the name before it may hold anything */
    for (int field = 0; at != NULL && field < START_FIELD; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL)
        return;
    size_t length = strcspn(at + 1, " \n");
    snprintf(text, size, "%.*s", (int)(length < 20 ? length : 20), at + 1);
}

/* BOOT:PID:START, which no other process has or will have. */
static void name_smss(int fd, char name[DRAIN_SMSS_ROOM])
{
    struct packet_peer who = {0};
    char boot[40] = "", start[24];
    packet_peer_of(fd, &who);
    keep_read("/proc/sys/kernel/random/boot_id", boot, sizeof(boot));
    boot[strcspn(boot, "\n")] = '\0';
    start_time_of(who.pid, start, sizeof(start));
    snprintf(name, DRAIN_SMSS_ROOM, "%s:%d:%s", boot, (int)who.pid, start);
}

void limits_smss_found(struct broker *broker, int fd)
{
    struct drain *drain = &broker->drain;
    name_smss(fd, drain->smss);
    if (drain->mode != POLICY_DRAIN_UNTIL_RESTART || strcmp(drain->until, drain->smss) == 0)
        return;
    drain->mode = POLICY_DRAIN_OFF;
    int failed = keep_drain(broker, POLICY_DRAIN_OFF);
    if (failed)
        log_error("broker", "that the drain mode is off cannot be kept: %s", strerror(-failed));
    log_info("broker", "the drain mode is off: lodge-smss was started anew");
    record_event(broker, EVENT_DRAIN, 0, NULL, NULL, REASON_NONE, "off, by the restart");
}
