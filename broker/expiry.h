/* When a certificate ends: of a file that an administrator names, no more is looked at than that takes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Finds the end of validity of the first certificate in a PEM text. Returns 0, or -EINVAL where there is
 * none. */
int expiry_find(const char *pem, size_t size, int64_t *ms_r);
/* The same of a file, of which the first 64 KiB count. Returns 0 or a negative errno. */
int expiry_of(const char *path, int64_t *ms_r);
