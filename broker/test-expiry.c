/* The end of a certificate, and what is none. */
#include "broker/expiry.h"

#include <errno.h>
#include <unistd.h>

#include "tests/check.h"

#define ENDS_2020 INT64_C(1583066096000) /* 2020-03-01 12:34:56, in two digits of the year */
#define ENDS_2051 INT64_C(2559009906000) /* 2051-02-03 04:05:06, in four */

static const char of_2020[] = "-----BEGIN CERTIFICATE-----\n"
                              "MIIBBjCBrgIBATAKBggqhkjOPQQDAjAQMQ4wDAYDVQQDDAVsb2RnZTAeFw0yMDAx\n"
                              "MDEwMDAwMDBaFw0yMDAzMDExMjM0NTZaMBAxDjAMBgNVBAMMBWxvZGdlMFkwEwYH\n"
                              "KoZIzj0CAQYIKoZIzj0DAQcDQgAEFeet9FE66jWcU/kLEcQp9OMJUgN0d+TyMUMB\n"
                              "FFoy5x+9d5VKD/5Bo7ROul3tHrs5BbjAdRHbAhnBhUM8sIG25jAKBggqhkjOPQQD\n"
                              "AgNHADBEAiBFbWQQ+ZdcW6/0v+EOqS5A7vGJkQthZbbWxxhof/7/QgIgC1iIhPEs\n"
                              "usKdTYsMN25zjtewQNYTv3pPJUkanec7/ZM=\n"
                              "-----END CERTIFICATE-----\n";
static const char of_2051[] = "-----BEGIN CERTIFICATE-----\n"
                              "MIIBCDCBsAIBATAKBggqhkjOPQQDAjAQMQ4wDAYDVQQDDAVsb2RnZTAgFw0yNDAx\n"
                              "MDEwMDAwMDBaGA8yMDUxMDIwMzA0MDUwNlowEDEOMAwGA1UEAwwFbG9kZ2UwWTAT\n"
                              "BgcqhkjOPQIBBggqhkjOPQMBBwNCAAQV5630UTrqNZxT+QsRxCn04wlSA3R35PIx\n"
                              "QwEUWjLnH713lUoP/kGjtE66Xe0euzkFuMB1EdsCGcGFQzywgbbmMAoGCCqGSM49\n"
                              "BAMCA0cAMEQCIEUE6hCy64AyLWN2BfQsFReq7YWo17Ylk/fyQ53oJFU/AiAbl1Sy\n"
                              "xzxBCh3xeiAN4jjopbxvADk0oH89AzIdbrEkaw==\n"
                              "-----END CERTIFICATE-----\n";

static void certificates_end(void)
{
    int64_t ms = 0;
    CHECK(expiry_find(of_2020, strlen(of_2020), &ms) == 0 && ms == ENDS_2020);
    CHECK(expiry_find(of_2051, strlen(of_2051), &ms) == 0 && ms == ENDS_2051);
    char both[3000];
    snprintf(both, sizeof(both), "a key or a comment\n%s%s", of_2020, of_2051);
    CHECK(expiry_find(both, strlen(both), &ms) == 0 && ms == ENDS_2020);
}

static void what_is_cut_or_changed_is_harmless(void)
{
    char text[sizeof(of_2051)];
    int64_t ms;
    size_t whole = 0;
    for (size_t size = 0; size < sizeof(of_2051); size++)
        whole += expiry_find(of_2051, size, &ms) == 0;
    CHECK(whole < sizeof(of_2051) / 2); /* not even the beginning of what it is in */
    for (size_t i = 27; i < sizeof(of_2051) - 1; i++) {
        for (char letter = 'A'; letter <= 'z'; letter++) {
            memcpy(text, of_2051, sizeof(text));
            text[i] = letter;
            expiry_find(text, sizeof(text) - 1, &ms); /* the sanitizer looks on */
        }
    }
    CHECK(expiry_find("", 0, &ms) == -EINVAL);
    CHECK(expiry_find("-----BEGIN CERTIFICATE-----", 27, &ms) == -EINVAL);
}

static void files_are_read(void)
{
    char path[] = "/tmp/lodge-test-expiry-XXXXXX";
    int64_t ms = 0;
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, of_2051, strlen(of_2051)) == (ssize_t)strlen(of_2051));
    CHECK(expiry_of(path, &ms) == 0 && ms == ENDS_2051);
    close(fd);
    unlink(path);
    CHECK(expiry_of(path, &ms) == -ENOENT && expiry_of("/tmp", &ms) == -EINVAL);
    CHECK(expiry_of("/dev/zero", &ms) == -EINVAL);
}

int main(void)
{
    certificates_end();
    what_is_cut_or_changed_is_harmless();
    files_are_read();
    return 0;
}
