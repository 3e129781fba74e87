#include "rdp-front/certificate.h"
#include "tests/check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/lodge-certificate-XXXXXX";
static struct conf conf;

static const char *in_directory(const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", directory, name);
    return path;
}

static mode_t mode_of(const char *name)
{
    char path[128];
    struct stat status;
    CHECK(stat(in_directory(name, path, sizeof(path)), &status) == 0);
    return status.st_mode & 07777;
}

static void remove_file(const char *name)
{
    char path[128];
    CHECK(unlink(in_directory(name, path, sizeof(path))) == 0 || errno == ENOENT);
}

static void put_file(const char *name, const char *text, size_t size)
{
    char path[128];
    FILE *file = fopen(in_directory(name, path, sizeof(path)), "w");
    CHECK(file != NULL && fwrite(text, 1, size, file) == size && fclose(file) == 0);
}

static struct certificate load(void)
{
    struct certificate certificate;
    char error[512] = "";
    if (!certificate_load(&conf, &certificate, error, sizeof(error)))
        fprintf(stderr, "%s\n", error);
    CHECK(error[0] == '\0');
    CHECK(strlen(certificate.fingerprint) == 95);
    return certificate;
}

/* Loading must fail, and say both words. */
static void load_fails(const char *file, const char *word)
{
    struct certificate certificate = {0};
    char error[512] = "";
    CHECK(!certificate_load(&conf, &certificate, error, sizeof(error)));
    if (strstr(error, file) == NULL || strstr(error, word) == NULL)
        fprintf(stderr, "error was: %s\n", error);
    CHECK(strstr(error, file) != NULL && strstr(error, word) != NULL);
    CHECK(certificate.certificate == NULL);
}

static void check_made_and_kept(void)
{
    struct certificate first = load(), second = load();
    CHECK(first.made && first.warning[0] == '\0' && !second.made);
    CHECK_TEXT(second.fingerprint, first.fingerprint);
    CHECK(mode_of("rdp-key.pem") == 0600 && mode_of("rdp-cert.pem") == 0644);
    remove_file("rdp-key.pem");
    struct certificate third = load();
    CHECK(third.made && strcmp(third.fingerprint, first.fingerprint) != 0);
    certificate_free(&first);
    certificate_free(&second);
    certificate_free(&third);
}

static void check_broken(void)
{
    struct certificate ours = load();
    put_file("other-key.pem", ours.key, ours.key_size);
    remove_file("rdp-cert.pem");
    struct certificate next = load();
    snprintf(conf.private_key, sizeof(conf.private_key), "%s/other-key.pem", directory);
    load_fails("other-key.pem", "belong");
    snprintf(conf.private_key, sizeof(conf.private_key), "%s/none.pem", directory);
    load_fails("none.pem", "No such file");
    put_file("none.pem", "nonsense", 8);
    load_fails("none.pem", "private key");
    conf.private_key[0] = '\0';
    put_file("rdp-cert.pem", "nonsense", 8);
    load_fails("rdp-cert.pem", "PEM");
    certificate_free(&ours);
    certificate_free(&next);
}

/* A state directory that cannot be written: no certificate is kept, but one is there. */
static void check_read_only(void)
{
    snprintf(conf.state_directory, sizeof(conf.state_directory), "/proc/lodge");
    struct certificate certificate = load();
    CHECK(certificate.made && strstr(certificate.warning, "/proc/lodge/rdp-cert.pem") != NULL);
    certificate_free(&certificate);
}

int main(void)
{
    CHECK(mkdtemp(directory) != NULL);
    conf_defaults(&conf);
    snprintf(conf.state_directory, sizeof(conf.state_directory), "%s", directory);
    check_made_and_kept();
    check_broken();
    remove_file("rdp-cert.pem");
    remove_file("rdp-key.pem");
    remove_file("other-key.pem");
    remove_file("none.pem");
    CHECK(rmdir(directory) == 0);
    check_read_only();
    return 0;
}
