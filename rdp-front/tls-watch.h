/* Which TLS version and cipher the connection got. The library does not tell; OpenSSL's own hook on new SSL
 * objects does. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct tls_watch {
    struct ssl_st *ssl; /* the newest there is, NULL: none */
};

/* Notes each SSL object made from now on in *watch, which stays in use for the rest of the process. */
void tls_watch_start(struct tls_watch *watch);
/* The handshake is over. */
bool tls_watch_is_done(const struct tls_watch *watch);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty before the handshake is done. Returns `text`. */
const char *tls_watch_describe(const struct tls_watch *watch, char *text, size_t size);
