/* Where a client connects from, as the front end wrote it down. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ADDRESS_HOST_ROOM 64

/* The host of "1.2.3.4:5", "[2001:db8::1]:5", or of either without a port, in the kernel's own spelling.
 * False, and
 * "", for anything else: it has come through processes that are not trusted. */
bool address_host(const char *client, char *host_r, size_t size);
