/* The listener's certificate and key: the configured files, or a self-signed pair in the state directory,
 * made when it is missing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/conf.h"

struct certificate {
    char *certificate, *key; /* PEM, the certificate with its chain */
    size_t certificate_size, key_size;
    char fingerprint[96]; /* SHA-256, as AB:CD:... */
    char warning[512];    /* what the administrator should do about it; empty: nothing */
    bool made;            /* it is new: clients will ask their users about it */
};

/* Reads or makes both. Returns true with *certificate_r filled (free it with certificate_free); or false with
 * in `error` the file, what is wrong with it, and what to do. A pair that is made but cannot be written is
 * used all the same, with a warning: for this run. */
bool certificate_load(const struct conf *conf, struct certificate *certificate_r, char *error,
                      size_t error_size);
/* Frees both texts and wipes the key. */
void certificate_free(struct certificate *certificate);
