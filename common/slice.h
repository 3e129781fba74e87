/* How long a process runs at a time when others want the processor too. */
#pragma once

#include <sys/types.h>

/* Has the thread `thread` (0: the caller), and all that it starts from then on, run for a tenth of a
 * millisecond at a time. Since Linux 6.12 such a thread comes to its turn sooner after a wake-up, before
 * those that ask for longer turns, and has no more of the processor in all: for programs between a person and
 * the screen, which do little at a time. Policy, nice value and the rest stay as they are; threads of other
 * policies than the two ordinary ones are left alone. Before 6.12 the kernel takes no notice. Returns 0 or a
 * negative errno, which nobody needs to heed. */
int slice_shorten(pid_t thread);
