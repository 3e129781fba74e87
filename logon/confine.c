#include "logon/confine.h"

#include <errno.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/packet.h"

#define SCOPE_ABSTRACT_UNIX_SOCKET 1 /* LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET of newer headers */

/* As newer headers have struct landlock_ruleset_attr. No access to files or the network is handled: a ruleset
 * without rules would forbid those. */
struct ruleset {
    uint64_t handled_access_fs, handled_access_net, scoped;
};

/* EPERM is no answer of the kernel's to that call, but a container's that does not know it. */
static bool is_unknown(int error)
{
    return error == ENOSYS || error == EOPNOTSUPP || error == EINVAL || error == E2BIG || error == EPERM;
}

bool confine_self(struct failure *failure_r)
{
    struct ruleset ruleset = {.scoped = SCOPE_ABSTRACT_UNIX_SOCKET};
    int fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0);
    if (fd < 0)
        return is_unknown(errno) || failure_set(failure_r, errno, "cannot make a Landlock ruleset");
    bool ok = syscall(SYS_landlock_restrict_self, fd, 0) == 0 ||
              failure_set(failure_r, errno, "cannot divide abstract sockets from the host's");
    close_descriptor(&fd);
    return ok;
}
