/* Preloaded into a lodge-broker of a test: before its LODGE_KILL_AT-th step that others can see (a write to a
 * file, a flush of one, a message sent) it is killed, as by kill -9. */
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long steps;

static void step(void)
{
    const char *at = getenv("LODGE_KILL_AT");
    if (at != NULL && atomic_fetch_add(&steps, 1) + 1 == atol(at))
        kill(getpid(), SIGKILL);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    step();
    return NEXT(pwrite)(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    step();
    return NEXT(pwrite64)(fd, data, size, at);
}

int fsync(int fd)
{
    step();
    return NEXT(fsync)(fd);
}

int fdatasync(int fd)
{
    step();
    return NEXT(fdatasync)(fd);
}

int ftruncate(int fd, off_t size)
{
    step();
    return NEXT(ftruncate)(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
    step();
    return NEXT(ftruncate64)(fd, size);
}

int unlink(const char *path)
{
    step();
    return NEXT(unlink)(path);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    step();
    return NEXT(sendmsg)(fd, message, flags);
}
