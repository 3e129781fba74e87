#include "broker/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/conf.h"

int keep_read(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    ssize_t got = read(fd, text, size - 1);
    int failed = got < 0 ? -errno : 0;
    close(fd);
    text[got > 0 ? got : 0] = '\0';
    return failed;
}

int keep_write(const char *path, const char *text)
{
    char fresh[CONF_TEXT_MAX + 64];
    size_t size = strlen(text);
    if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
        return -ENAMETOOLONG;
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    errno = EIO;
    int failed = write(fd, text, size) == (ssize_t)size ? 0 : -errno;
    if (close(fd) != 0 && !failed)
        failed = -errno;
    if (!failed && rename(fresh, path) != 0)
        failed = -errno;
    return failed;
}
