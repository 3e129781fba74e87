/* The cookie file: big-endian counted fields, as libXau reads them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/packet.h"
#include "sessionmgr/init.h"

#define FAMILY_LOCAL 256
#define FAMILY_WILD  65535
#define COOKIE_SIZE  16

struct cookie_file {
    uint8_t bytes[1024];
    size_t used;
};

static void put_u16(struct cookie_file *file, unsigned value)
{
    file->bytes[file->used++] = (uint8_t)(value >> 8);
    file->bytes[file->used++] = (uint8_t)value;
}

static void put(struct cookie_file *file, const void *bytes, size_t size)
{
    put_u16(file, (unsigned)size);
    memcpy(file->bytes + file->used, bytes, size);
    file->used += size;
}

static void put_entry(struct cookie_file *file, unsigned family, const char *address, unsigned number,
                      const uint8_t *cookie)
{
    static const char kind[] = "MIT-MAGIC-COOKIE-1";
    char text[16];
    put_u16(file, family);
    put(file, address, strlen(address));
    snprintf(text, sizeof(text), "%u", number);
    put(file, text, strlen(text));
    put(file, kind, strlen(kind));
    put(file, cookie, COOKIE_SIZE);
}

/* One entry for clients that look for the host's name, one for those that take any. */
int xauthority_write(const char *path, unsigned number)
{
    uint8_t cookie[COOKIE_SIZE];
    char host[HOST_NAME_MAX + 1] = "";
    struct cookie_file file = {.used = 0};
    if (getrandom(cookie, sizeof(cookie), 0) != sizeof(cookie))
        return -EIO;
    gethostname(host, sizeof(host) - 1);
    put_entry(&file, FAMILY_LOCAL, host, number, cookie);
    put_entry(&file, FAMILY_WILD, "", number, cookie);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), failed = 0;
    if (fd < 0)
        failed = -errno;
    else if (write(fd, file.bytes, file.used) != (ssize_t)file.used)
        failed = -EIO;
    close_descriptor(&fd);
    explicit_bzero(&file, sizeof(file));
    explicit_bzero(cookie, sizeof(cookie));
    return failed;
}
