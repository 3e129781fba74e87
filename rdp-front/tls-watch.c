#include "rdp-front/tls-watch.h"

#include <openssl/ssl.h>
#include <stdio.h>

static void made(void *parent, void *value, CRYPTO_EX_DATA *data, int index, long number, void *user)
{
    (void)value, (void)data, (void)index, (void)number;
    struct tls_watch *watch = user;
    watch->ssl = parent;
}

static void freed(void *parent, void *value, CRYPTO_EX_DATA *data, int index, long number, void *user)
{
    (void)value, (void)data, (void)index, (void)number;
    struct tls_watch *watch = user;
    if (watch->ssl == parent)
        watch->ssl = NULL;
}

void tls_watch_start(struct tls_watch *watch)
{
    watch->ssl = NULL;
    SSL_get_ex_new_index(0, watch, made, NULL, freed);
}

bool tls_watch_is_done(const struct tls_watch *watch)
{
    return watch->ssl != NULL && SSL_is_init_finished(watch->ssl);
}

const char *tls_watch_describe(const struct tls_watch *watch, char *text, size_t size)
{
    text[0] = '\0';
    if (tls_watch_is_done(watch))
        snprintf(text, size, "%s %s", SSL_get_version(watch->ssl), SSL_get_cipher_name(watch->ssl));
    return text;
}
