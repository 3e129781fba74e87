#include "logon/home.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/packet.h"
#include "logon/name.h"

/* Writes the template with the name in place of each %u. False where that does not fit. */
static bool expand(const char *template, const char *name, char *path_r, size_t size)
{
    size_t used = 0;
    for (const char *at = template; *at != '\0'; at++) {
        bool named = at[0] == '%' && at[1] == 'u';
        const char *part = named ? name : at;
        size_t length = named ? strlen(name) : 1;
        if (used + length >= size)
            return false;
        memcpy(path_r + used, part, length);
        used += length;
        at += named;
    }
    path_r[used] = '\0';
    return true;
}

bool home_find(struct identity *identity, const char *template, struct failure *failure_r)
{
    char path[SM_PATH_ROOM];
    struct stat status;
    if (template[0] == '\0' || identity->account != SM_ACCOUNT_SYSTEM)
        return true;
    if (template[0] != '/' || strstr(template, "..") != NULL || !name_is_acceptable(identity->name) ||
        !expand(template, identity->name, path, sizeof(path)))
        return failure_set(failure_r, 0, "Home, %.200s, makes no path for this user", template);
    int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool found = fd >= 0 && fstat(fd, &status) == 0;
    int failed = found ? 0 : errno;
    close_descriptor(&fd);
    if (!found)
        return failure_set(failure_r, failed, "the home %s (Home) cannot be had", path);
    if (status.st_uid != identity->uid)
        return failure_set(failure_r, 0, "the home %s (Home) is not the user's own", path);
    memcpy(identity->home, path, sizeof(path));
    return true;
}
