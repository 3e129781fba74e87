/* What the kernel counts of a TCP connection. Apart, since its own header and the C library's do not agree.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct tcp_traffic {
    uint64_t sent, received; /* bytes */
    uint32_t rtt_us;         /* smoothed */
};

/* Returns false for what is no TCP connection. */
bool tcp_traffic_of(int socket, struct tcp_traffic *traffic_r);
