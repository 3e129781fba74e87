#include "common/slice.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLICE_NS 100000 /* the least that the kernel takes */

/* sched_setattr(2)'s, in its first version, which every kernel that has the call takes. C libraries have
 * neither, before glibc 2.41. */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

int slice_shorten(pid_t thread)
{
    struct attributes attributes = {.size = sizeof(attributes)};
    if (syscall(SYS_sched_getattr, thread, &attributes, sizeof(attributes), 0) != 0)
        return -errno;
    if (attributes.policy != SCHED_OTHER && attributes.policy != SCHED_BATCH)
        return 0;
    attributes.size = sizeof(attributes);
    attributes.runtime = SLICE_NS;
    return syscall(SYS_sched_setattr, thread, &attributes, 0) != 0 ? -errno : 0;
}
