/* One client's connection, in a process of its own. */
#pragma once

#include <freerdp/crypto/certificate.h>
#include <freerdp/crypto/privatekey.h>

#include "common/conf.h"
#include "rdp-front/font.h"
#include "rdp-front/tls-watch.h"

/* What the zygote has made ready, once for all workers. */
struct worker_setup {
    struct conf conf;
    rdpCertificate *certificate;
    rdpPrivateKey *key;
    struct font *font;
    struct tls_watch tls;
    char host[65];
};

/* Loads what a worker needs later, so that it opens no file: libraries' tables, codecs, fonts. `certificate`
 * and `key` are PEM texts. Returns true, or false with the reason in `error`. Never undone. */
bool worker_warm_up(struct worker_setup *setup, const char *certificate, const char *key, char *error,
                    size_t error_size);

/* In the forked child: limits itself, then serves the client that comes over `control` until it is gone.
 * Owns `control`, and the certificate and key of `setup`. Returns the exit status. */
int worker_run(struct worker_setup *setup, int control);
