/* Between test-smss and its test-relay: the first packet. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct relay_who {
    uint32_t role;
    pid_t pid;
    uint64_t logon;
    uint32_t descriptors; /* that came with it, from 3 on */
};
