#include "display/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xcb/shm.h>

#include "common/packet.h"

const struct memory memory_none = {.fd = -1, .viewer_fd = -1};

static size_t memory_size(const struct memory *memory)
{
    return (size_t)memory->stride * memory->height;
}

/* Mode 0400: a viewer, which is another user, cannot open it anew for writing. */
static int make_file(struct memory *memory)
{
    memory->fd = memfd_create("lodge-frames", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memory->fd < 0)
        return -errno;
    if (ftruncate(memory->fd, (off_t)memory_size(memory)) != 0 || fchmod(memory->fd, 0400) != 0 ||
        fcntl(memory->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0)
        return -errno;
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", memory->fd);
    memory->viewer_fd = open(path, O_RDONLY | O_CLOEXEC);
    return memory->viewer_fd < 0 ? -errno : 0;
}

static int map_here(struct memory *memory)
{
    void *mapped = mmap(NULL, memory_size(memory), PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);
    if (mapped == MAP_FAILED)
        return -errno;
    memory->mapped = mapped;
    memory_seal(memory);
    return 0;
}

/* xcb closes the descriptor that it sends, hence the copy. */
static int map_in_server(struct memory *memory, struct x *x)
{
    int copy = fcntl(memory->fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0)
        return -errno;
    memory->segment = xcb_generate_id(x->connection);
    xcb_shm_attach_fd(x->connection, memory->segment, copy, 0);
    return 0;
}

int memory_make(struct memory *memory_r, struct x *x, uint16_t width, uint16_t height, bool copying)
{
    struct memory memory = memory_none;
    memory.width = width;
    memory.height = height;
    memory.stride = (uint32_t)width * 4;
    int failed = make_file(&memory);
    if (!failed)
        failed = copying ? map_here(&memory) : map_in_server(&memory, x);
    if (failed)
        memory_free(&memory, x);
    *memory_r = memory;
    return failed;
}

void memory_seal(struct memory *memory)
{
    if (!memory->sealed)
        fcntl(memory->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE); /* kernels before 5.1 have none */
    memory->sealed = true;
}

void memory_free(struct memory *memory, struct x *x)
{
    if (memory->segment != 0)
        xcb_shm_detach(x->connection, memory->segment);
    if (memory->mapped != NULL)
        munmap(memory->mapped, memory_size(memory));
    close_descriptor(&memory->viewer_fd);
    close_descriptor(&memory->fd);
    *memory = memory_none;
}
