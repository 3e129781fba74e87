/* Finding, making and leaving the base folder of cgroup.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"
#include "sessionmgr/cgroup.h"

#define LINK_NAME "cgroup"
#define SUBGROUP  "/smss" /* lodge.service has the name too */

const char *cgroup_folder_name(const char *run_directory, char *name, size_t size)
{
    size_t used = (size_t)snprintf(name, size, "lodge");
    for (const char *at = run_directory; *at != '\0' && used + 4 < size; at++) {
        if (*at == '/')
            name[used++] = '-';
        else if (*at == '-' || *at == '%')
            used += (size_t)snprintf(name + used, size - used, "%%%02x", (unsigned)*at);
        else
            name[used++] = *at;
    }
    name[used] = '\0';
    return name;
}

/* Finds the cgroup v2 mount; the last one wins, as in path look-up. */
static bool find_mount(struct proc_mount *mount_r)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    static struct proc_mount mount;
    static char line[4 * PROC_PATH_ROOM];
    bool found = false;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (proc_parse_mount(line, &mount) && strcmp(mount.type, "cgroup2") == 0) {
            *mount_r = mount;
            found = true;
        }
    }
    if (file != NULL)
        fclose(file);
    return found;
}

/* Writes the three parts one after another. Returns false when they do not fit. */
static bool join(char *text, const char *first, const char *second, const char *third)
{
    int length = snprintf(text, PROC_PATH_ROOM, "%s%s%s", first, second, third);
    return length >= 0 && length < PROC_PATH_ROOM;
}

/* The base as an earlier life left it: RUN/cgroup is a link to a folder with our name in a cgroup v2 mount.
 */
static bool take_link(struct cgroup_base *base, const struct proc_mount *mount, const char *link,
                      const char *folder)
{
    char target[PROC_PATH_ROOM];
    struct stat status;
    ssize_t length = readlink(link, target, sizeof(target) - 1);
    if (length <= 0)
        return false;
    target[length] = '\0';
    size_t prefix = strlen(mount->point);
    const char *last = strrchr(target, '/');
    if (strncmp(target, mount->point, prefix) != 0 || target[prefix] != '/' || last == NULL ||
        strcmp(last + 1, folder) != 0 || strstr(target, "/../") != NULL || lstat(target, &status) != 0 ||
        !S_ISDIR(status.st_mode))
        return false;
    const char *root = strcmp(mount->root, "/") == 0 ? "" : mount->root;
    return join(base->path, target, "", "") && join(base->name, root, target + prefix, "");
}

/* The base below this process's own group, which is named from the mount's root on. */
static bool name_below_own(struct cgroup_base *base, const struct proc_mount *mount, const char *folder)
{
    char own[PROC_PATH_ROOM];
    const char *root = strcmp(mount->root, "/") == 0 ? "" : mount->root;
    if (!proc_cgroup_of(getpid(), own, sizeof(own)))
        return false;
    size_t prefix = strlen(root);
    const char *below = own;
    if (strncmp(own, root, prefix) == 0 && (own[prefix] == '/' || own[prefix] == '\0'))
        below = own + prefix;
    else
        root = "";
    if (strcmp(below, "/") == 0 || strstr(below, "/..") != NULL)
        below = "";
    char inner[600], *subgroup = strrchr(own, '/');
    /* The service manager's DelegateSubgroup: made so that the base can be beside it. */
    if (below[0] != '\0' && subgroup >= below && strcmp(subgroup, SUBGROUP) == 0)
        *subgroup = '\0';
    snprintf(inner, sizeof(inner), "/%s", folder);
    return join(base->path, mount->point, below, inner) && join(base->name, root, below, inner);
}

static int say(char *error, size_t size, int failed, const char *what)
{
    snprintf(error, size, "%s: %s", what, strerror(-failed));
    return failed;
}

/* Finds the mount, or makes one at RUN/cgroup. */
static int need_mount(struct cgroup_base *base, struct proc_mount *found, const char *point)
{
    if (!find_mount(found)) {
        if (mkdir(point, 0755) != 0 && errno != EEXIST)
            return -errno;
        if (mount("lodge", point, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
            return -errno;
        if (!find_mount(found))
            return -ENOENT;
    }
    base->mounted = strcmp(found->point, point) == 0;
    return 0;
}

/* A unit of systemd whose main process is right in it: systemd could not start that again after a crash when
 * the unit's group had handed its controllers down. From systemd 254 on DelegateSubgroup avoids that. */
static bool is_unit(const struct cgroup_base *base)
{
    static const char suffix[] = ".service";
    char own[PROC_PATH_ROOM];
    size_t length = proc_cgroup_of(getpid(), own, sizeof(own)) ? strlen(own) : 0;
    return length >= sizeof(suffix) && strcmp(own + length + 1 - sizeof(suffix), suffix) == 0 &&
           strncmp(base->name, own, length) == 0;
}

int cgroup_open(struct cgroup_base *base_r, const char *run_directory, char *error, size_t error_size)
{
    static struct proc_mount mount;
    char folder[512], point[PROC_PATH_ROOM];
    cgroup_folder_name(run_directory, folder, sizeof(folder));
    snprintf(point, sizeof(point), "%s/" LINK_NAME, run_directory);
    *base_r = (struct cgroup_base){.fd = -1, .v1 = {-1, -1, -1}};
    int failed = need_mount(base_r, &mount, point);
    if (failed)
        return say(error, error_size, failed, "cgroup v2 is not mounted and cannot be mounted");
    if (!take_link(base_r, &mount, point, folder) && !name_below_own(base_r, &mount, folder))
        return say(error, error_size, -ENAMETOOLONG, "the own cgroup");
    if (mkdir(base_r->path, 0755) != 0 && errno != EEXIST)
        return say(error, error_size, -errno, base_r->path);
    if (!base_r->mounted) {
        unlink(point);
        if (symlink(base_r->path, point) != 0)
            return say(error, error_size, -errno, point);
    }
    base_r->fixed = is_unit(base_r);
    base_r->fd = open(base_r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return base_r->fd < 0 ? say(error, error_size, -errno, base_r->path) : 0;
}

void cgroup_close(struct cgroup_base *base, const char *run_directory)
{
    char point[PROC_PATH_ROOM];
    snprintf(point, sizeof(point), "%s/" LINK_NAME, run_directory);
    close(base->fd);
    base->fd = -1;
    if (rmdir(base->path) != 0)
        return;
    if (!base->mounted)
        unlink(point);
    else if (umount2(point, UMOUNT_NOFOLLOW) == 0)
        rmdir(point);
}
