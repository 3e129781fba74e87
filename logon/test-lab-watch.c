/* New user files are noticed, with inotify and without, and nothing else is. */
#include "logon/lab-watch.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "common/packet.h"
#include "common/tree.h"
#include "tests/check.h"

static void file_put(const char *name)
{
    char fresh[64];
    snprintf(fresh, sizeof(fresh), "%s+", name);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    CHECK(fd >= 0);
    close(fd);
    CHECK(rename(fresh, name) == 0);
}

static void test_watch(bool with_inotify)
{
    struct lab_watch watch = lab_watch_begin(".");
    CHECK(watch.directory >= 0 && watch.fd >= 0);
    if (!with_inotify)
        close_descriptor(&watch.fd);
    CHECK(!lab_watch_look(&watch));
    file_put("hosts");
    CHECK(!lab_watch_look(&watch));
    static const char *const names[] = {"passwd", "group", "shadow"};
    for (size_t i = 0; i < 3; i++) {
        struct pollfd ready = {.fd = watch.fd, .events = POLLIN};
        file_put(names[i]);
        CHECK(!with_inotify || poll(&ready, 1, 10000) == 1);
        CHECK(lab_watch_look(&watch));
        CHECK(!lab_watch_look(&watch));
        CHECK(poll(&ready, 1, 0) == 0);
    }
    lab_watch_end(&watch);
    CHECK(watch.directory == -1 && watch.fd == -1);
    lab_watch_end(&watch);
}

int main(void)
{
    char directory[] = "/tmp/lodge-watch-XXXXXX";
    CHECK(mkdtemp(directory) != NULL && chdir(directory) == 0);
    file_put("passwd");
    file_put("group"); /* and no shadow yet */
    test_watch(true);
    test_watch(false);
    CHECK(chdir("/") == 0 && tree_remove_path(directory) == 0);
    return 0;
}
