#include "rdp-front/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rdp-front/control.h"

#define RSA_BITS      2048
#define DAYS          3650
#define SECONDS_A_DAY 86400L

struct paths {
    char certificate[CONF_TEXT_MAX + 64], key[CONF_TEXT_MAX + 64];
    bool certificate_ours, key_ours; /* in the state directory, so it may be made */
};

static void paths_of(const struct conf *conf, struct paths *paths_r)
{
    paths_r->certificate_ours = conf->certificate[0] == '\0';
    paths_r->key_ours = conf->private_key[0] == '\0';
    if (paths_r->certificate_ours)
        conf_state_path(conf, "rdp-cert.pem", paths_r->certificate, sizeof(paths_r->certificate));
    else
        snprintf(paths_r->certificate, sizeof(paths_r->certificate), "%s", conf->certificate);
    if (paths_r->key_ours)
        conf_state_path(conf, "rdp-key.pem", paths_r->key, sizeof(paths_r->key));
    else
        snprintf(paths_r->key, sizeof(paths_r->key), "%s", conf->private_key);
}

void certificate_free(struct certificate *certificate)
{
    if (certificate->key != NULL)
        explicit_bzero(certificate->key, certificate->key_size);
    free(certificate->key);
    free(certificate->certificate);
    memset(certificate, 0, sizeof(*certificate));
}

/* Reads a text file of fewer than `room` bytes. Returns it with a NUL after it, or NULL with errno. */
static char *file_read(const char *path, size_t room, size_t *size_r)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return NULL;
    char *text = malloc(room + 1);
    if (text == NULL) {
        close(fd);
        errno = ENOMEM;
        return NULL;
    }
    size_t used = 0;
    ssize_t got = 0;
    while (used < room && (got = read(fd, text + used, room - used)) > 0)
        used += (size_t)got;
    int saved = got < 0 ? errno : used == room ? EFBIG : 0;
    close(fd);
    if (saved != 0) {
        explicit_bzero(text, used);
        free(text);
        errno = saved;
        return NULL;
    }
    text[used] = '\0';
    *size_r = used;
    return text;
}

/* Writes a file beside `path` and renames it, so that `path` is whole at any time. Returns 0 or -errno. */
static int file_write(const char *path, const char *text, size_t size, mode_t mode)
{
    char beside[CONF_TEXT_MAX + 80];
    snprintf(beside, sizeof(beside), "%s.new", path);
    unlink(beside);
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    ssize_t written = write(fd, text, size);
    int failed = written == (ssize_t)size ? 0 : written < 0 ? -errno : -ENOSPC;
    if (!failed && (fchmod(fd, mode) != 0 || fsync(fd) != 0))
        failed = -errno;
    close(fd);
    if (!failed && rename(beside, path) != 0)
        failed = -errno;
    if (failed)
        unlink(beside);
    return failed;
}

/* The key first: a pair that is cut short then lacks its certificate, and is made anew. */
static int pair_write(const struct conf *conf, const struct paths *paths,
                      const struct certificate *certificate)
{
    if (mkdir(conf->state_directory, 0755) != 0 && errno != EEXIST)
        return -errno;
    if (unlink(paths->certificate) != 0 && errno != ENOENT)
        return -errno;
    int failed = file_write(paths->key, certificate->key, certificate->key_size, 0600);
    if (!failed)
        failed =
            file_write(paths->certificate, certificate->certificate, certificate->certificate_size, 0644);
    int directory = failed ? -1 : open(conf->state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        fsync(directory);
        close(directory);
    }
    return failed;
}

/* The whole of a memory BIO as text with a NUL. */
static char *bio_text(BIO *bio, size_t *size_r)
{
    char *data = NULL;
    long size = BIO_get_mem_data(bio, &data);
    char *text = size > 0 ? strndup(data, (size_t)size) : NULL;
    *size_r = text ? strlen(text) : 0;
    return text;
}

static bool certificate_fill(X509 *x509)
{
    char host[64 + 1] = "";
    unsigned char serial[8] = {0};
    if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
        snprintf(host, sizeof(host), "lodge");
    BIGNUM *number = BN_new();
    X509_NAME *name = X509_get_subject_name(x509);
    bool done = number != NULL && getentropy(serial, sizeof(serial)) == 0;
    serial[0] &= 0x7f;
    done = done && BN_bin2bn(serial, sizeof(serial), number) != NULL &&
           BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL && X509_set_version(x509, 2) &&
           X509_gmtime_adj(X509_getm_notBefore(x509), -SECONDS_A_DAY) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(x509), DAYS * SECONDS_A_DAY) != NULL &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (unsigned char *)host, -1, -1, 0) &&
           X509_set_issuer_name(x509, name);
    BN_free(number);
    return done;
}

static bool extension_add(X509 *x509, int kind, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    bool done = extension != NULL && X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
    return done;
}

/* A self-signed pair for this host. */
static bool pair_make(struct certificate *made_r)
{
    EVP_PKEY *key = EVP_RSA_gen(RSA_BITS);
    X509 *x509 = X509_new();
    BIO *certificate_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_secmem());
    bool done = key && x509 && certificate_bio && key_bio && certificate_fill(x509) &&
                X509_set_pubkey(x509, key) &&
                extension_add(x509, NID_key_usage, "digitalSignature,keyEncipherment") &&
                extension_add(x509, NID_ext_key_usage, "serverAuth") && X509_sign(x509, key, EVP_sha256()) &&
                PEM_write_bio_X509(certificate_bio, x509) &&
                PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL);
    if (done) {
        made_r->certificate = bio_text(certificate_bio, &made_r->certificate_size);
        made_r->key = bio_text(key_bio, &made_r->key_size);
        made_r->made = true;
    }
    BIO_free(certificate_bio);
    BIO_free(key_bio);
    X509_free(x509);
    EVP_PKEY_free(key);
    if (made_r->certificate == NULL || made_r->key == NULL) {
        certificate_free(made_r);
        return false;
    }
    return true;
}

/* No one is there to type a pass phrase. */
static int no_pass_phrase(char *buffer, int size, int writing, void *user)
{
    (void)size, (void)writing, (void)user;
    buffer[0] = '\0';
    return -1;
}

static X509 *x509_from(const struct certificate *certificate)
{
    BIO *bio = BIO_new_mem_buf(certificate->certificate, (int)certificate->certificate_size);
    X509 *x509 = bio ? PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL) : NULL;
    BIO_free(bio);
    return x509;
}

static EVP_PKEY *key_from(const struct certificate *certificate)
{
    BIO *bio = BIO_new_mem_buf(certificate->key, (int)certificate->key_size);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL) : NULL;
    BIO_free(bio);
    return key;
}

static void fingerprint_of(const X509 *x509, char *text, size_t size)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned count = 0;
    X509_digest(x509, EVP_sha256(), digest, &count);
    for (unsigned i = 0; i < count && 3 * i + 3 <= size; i++)
        snprintf(text + 3 * (size_t)i, size - 3 * (size_t)i, "%02X%s", digest[i], i + 1 < count ? ":" : "");
}

static void check_dates(const X509 *x509, const struct paths *paths, char *warning, size_t size)
{
    const char *problem = NULL;
    if (X509_cmp_current_time(X509_get0_notAfter(x509)) < 0)
        problem = "has expired";
    else if (X509_cmp_current_time(X509_get0_notBefore(x509)) > 0)
        problem = "is not valid yet";
    if (problem != NULL)
        snprintf(warning, size, "%s: the certificate %s, so clients will warn or refuse: %s",
                 paths->certificate, problem,
                 paths->certificate_ours ? "remove it and the key beside it, and restart lodge-rdp"
                                         : "put a new one in its place");
}

/* Checks that the two texts are a pair that can be used. */
static bool pair_check(const struct paths *paths, struct certificate *certificate, char *error, size_t size)
{
    X509 *x509 = x509_from(certificate);
    EVP_PKEY *key = key_from(certificate);
    bool good = false;
    if (x509 == NULL)
        snprintf(error, size, "%s: holds no certificate in PEM format; put one there, or remove it",
                 paths->certificate);
    else if (key == NULL)
        snprintf(error, size,
                 "%s: holds no private key in PEM format, or one with a pass phrase; put one without there",
                 paths->key);
    else if (X509_check_private_key(x509, key) != 1)
        snprintf(error, size,
                 "%s: does not belong to the certificate in %s; install the pair that belongs "
                 "together",
                 paths->key, paths->certificate);
    else
        good = true;
    if (good) {
        fingerprint_of(x509, certificate->fingerprint, sizeof(certificate->fingerprint));
        if (certificate->warning[0] == '\0')
            check_dates(x509, paths, certificate->warning, sizeof(certificate->warning));
    }
    X509_free(x509);
    EVP_PKEY_free(key);
    return good;
}

static bool missing(const char *path)
{
    struct stat status;
    return stat(path, &status) != 0 && errno == ENOENT;
}

static bool pair_read(const struct paths *paths, struct certificate *certificate_r, char *error, size_t size)
{
    const char *path = paths->certificate;
    certificate_r->certificate = file_read(path, CONTROL_CERTIFICATE_ROOM, &certificate_r->certificate_size);
    if (certificate_r->certificate != NULL) {
        path = paths->key;
        certificate_r->key = file_read(path, CONTROL_KEY_ROOM, &certificate_r->key_size);
    }
    if (certificate_r->key == NULL)
        snprintf(error, size, "%s: %s; see Certificate and PrivateKey in the configuration", path,
                 strerror(errno));
    return certificate_r->key != NULL;
}

bool certificate_load(const struct conf *conf, struct certificate *certificate_r, char *error,
                      size_t error_size)
{
    struct paths paths;
    struct certificate loaded = {0};
    paths_of(conf, &paths);
    bool have = false;
    if (paths.certificate_ours && paths.key_ours && (missing(paths.certificate) || missing(paths.key))) {
        have = pair_make(&loaded);
        if (!have)
            snprintf(error, error_size, "%s: cannot make a self-signed certificate", paths.certificate);
        int failed = have ? pair_write(conf, &paths, &loaded) : 0;
        if (failed)
            snprintf(loaded.warning, sizeof(loaded.warning),
                     "%s: cannot keep the new certificate (%s): it is for this run alone, and clients will "
                     "ask their users again after a restart; make the directory writable for root",
                     paths.certificate, strerror(-failed));
    } else {
        have = pair_read(&paths, &loaded, error, error_size);
    }
    if (!have || !pair_check(&paths, &loaded, error, error_size)) {
        certificate_free(&loaded);
        return false;
    }
    *certificate_r = loaded;
    return true;
}
