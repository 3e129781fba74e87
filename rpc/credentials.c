#include "rpc/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/packet.h"
#include "common/text.h"
#include "common/wire.h"

#define CREDENTIALS_ROOM (4 + CREDENTIALS_USER_MAX + CREDENTIALS_PASSWORD_MAX)
#define DEADLINE_MS      1000

void credentials_wipe(struct credentials *credentials)
{
    explicit_bzero(credentials, sizeof(*credentials));
}

static void put(struct wire_writer *writer, const char *text)
{
    size_t length = strlen(text);
    wire_put_u16(writer, (uint16_t)length);
    wire_put_bytes(writer, text, length);
}

int credentials_pipe(const struct credentials *credentials)
{
    uint8_t data[CREDENTIALS_ROOM];
    struct wire_writer writer = wire_writer_over(data, sizeof(data));
    put(&writer, credentials->user);
    put(&writer, credentials->password);
    int ends[2], failed = 0;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        failed = -errno;
    else if (write(ends[1], data, writer.used) != (ssize_t)writer.used)
        failed = -EIO;
    explicit_bzero(data, sizeof(data));
    if (failed == -EIO)
        close(ends[0]);
    if (failed == 0 || failed == -EIO)
        close(ends[1]);
    return failed ? failed : ends[0];
}

/* Reads until the end of the stream. Returns the size or a negative errno. */
static ssize_t read_all(int fd, uint8_t *data, size_t size)
{
    size_t used = 0;
    int64_t deadline = clock_monotonic_ms() + DEADLINE_MS;
    for (;;) {
        int64_t left = deadline - clock_monotonic_ms();
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (left <= 0 || poll(&wait, 1, (int)left) == 0)
            return -ETIMEDOUT;
        ssize_t got = read(fd, data + used, size - used);
        if (got == 0)
            return (ssize_t)used;
        if (got < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
        if (got > 0)
            used += (size_t)got;
        if (used == size)
            return -EPROTO;
    }
}

static bool get(struct wire_reader *reader, char *text, size_t room)
{
    size_t length = wire_get_u16(reader);
    const uint8_t *at = wire_get_bytes(reader, length);
    if (at == NULL || length >= room || !text_is_utf8((const char *)at, length))
        return false;
    memcpy(text, at, length);
    text[length] = '\0';
    return true;
}

int credentials_read(int fd, struct credentials *credentials_r)
{
    uint8_t data[CREDENTIALS_ROOM + 1];
    memset(credentials_r, 0, sizeof(*credentials_r));
    ssize_t size = read_all(fd, data, sizeof(data));
    int failed = size < 0 ? (int)size : 0;
    if (!failed) {
        struct wire_reader reader = wire_reader_over(data, (size_t)size);
        if (!get(&reader, credentials_r->user, sizeof(credentials_r->user)) ||
            !get(&reader, credentials_r->password, sizeof(credentials_r->password)) ||
            !wire_reader_ended(&reader))
            failed = -EPROTO;
    }
    explicit_bzero(data, sizeof(data));
    if (failed)
        credentials_wipe(credentials_r);
    return failed;
}
