/* The session's own device names: a folder of the user's in the object directory, with a link for each name
 * that all sessions have. What the user puts there instead counts for this session alone. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "sessionmgr/init.h"
#include "sessionmgr/proc.h"

#define NAMES_MOST 256

/* From RUN/sessions/ID/devices to RUN/devices. */
static void offer(int own, DIR *all)
{
    struct dirent *entry;
    unsigned count = 0;
    while ((entry = readdir(all)) != NULL && count < NAMES_MOST) {
        char target[sizeof(entry->d_name) + 32];
        if (entry->d_type != DT_LNK)
            continue;
        count++;
        snprintf(target, sizeof(target), "../../../devices/%s", entry->d_name);
        if (symlinkat(target, own, entry->d_name) != 0 && errno != EEXIST)
            log_warning(entry->d_name, "the device name cannot be made: %m");
    }
}

void devices_offer(const char *objects)
{
    char path[PROC_PATH_ROOM + 32];
    snprintf(path, sizeof(path), "%s/../../devices", objects);
    DIR *all = opendir(path);
    snprintf(path, sizeof(path), "%s/devices", objects);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        log_warning(path, "cannot be made: %m");
    int own = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (all != NULL && own >= 0)
        offer(own, all);
    if (all != NULL)
        closedir(all);
    close_descriptor(&own);
    setenv("LODGE_DEVICES", path, 1);
}
