#include "sessionmgr/devices.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/packet.h"

static const struct conf_item *find(const struct conf_items *items, const char *name)
{
    for (size_t i = 0; i < items->count; i++) {
        if (items->items[i].section == CONF_FREE_DEVICES && strcasecmp(items->items[i].name, name) == 0)
            return &items->items[i];
    }
    return NULL;
}

/* What is wrong with where the name leads, or NULL. *circle_r: it can never lead anywhere. */
static const char *problem_of(const struct conf_items *items, const struct conf_item *item, bool *circle_r)
{
    const struct conf_item *at = item;
    for (size_t steps = 0; at != NULL && at->value[0] != '/'; steps++) {
        *circle_r = steps > items->count;
        if (*circle_r)
            return "goes round in a circle";
        at = find(items, at->value);
    }
    *circle_r = false;
    return at != NULL && access(at->value, F_OK) == 0 ? NULL : "leads nowhere";
}

static void empty(int folder)
{
    int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
    struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL)
        unlinkat(folder, entry->d_name, 0);
    if (directory != NULL)
        closedir(directory);
    else
        close_descriptor(&copy);
}

static int open_folder(const struct conf *conf)
{
    char path[CONF_TEXT_MAX + 16];
    return open(conf_run_path(conf, DEVICES_FOLDER, path, sizeof(path)),
                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* A link to another name is relative, and in the case in which that name is written. */
static const char *make_one(const struct conf_items *items, const struct conf_item *item, int folder)
{
    bool circle;
    const char *problem = problem_of(items, item, &circle);
    const struct conf_item *other = item->value[0] != '/' ? find(items, item->value) : NULL;
    if (circle)
        return problem;
    if (symlinkat(other != NULL ? other->name : item->value, folder, item->name) != 0)
        return strerror(errno);
    return problem;
}

unsigned devices_make(const struct conf *conf, const struct conf_items *items, unsigned *count_r,
                      char *detail, size_t detail_size)
{
    int folder = open_folder(conf);
    unsigned failed = 0;
    size_t used = 0;
    detail[0] = '\0';
    *count_r = 0;
    if (folder < 0) {
        snprintf(detail, detail_size, DEVICES_FOLDER ": %s", strerror(errno));
        return 1;
    }
    empty(folder);
    for (size_t i = 0; i < items->count; i++) {
        const struct conf_item *item = &items->items[i];
        if (item->section != CONF_FREE_DEVICES)
            continue;
        ++*count_r;
        const char *problem = make_one(items, item, folder);
        if (problem == NULL)
            continue;
        failed++;
        if (used < detail_size)
            used += (size_t)snprintf(detail + used, detail_size - used, "%s%s %s", used > 0 ? ", " : "",
                                     item->name, problem);
    }
    close_descriptor(&folder);
    return failed;
}

void devices_remove(const struct conf *conf)
{
    char path[CONF_TEXT_MAX + 16];
    int folder = open_folder(conf);
    if (folder >= 0)
        empty(folder);
    close_descriptor(&folder);
    rmdir(conf_run_path(conf, DEVICES_FOLDER, path, sizeof(path)));
}
