/* What init sets up for the session: the locale and the cookie file. */
#include <sys/stat.h>
#include <unistd.h>

#include "sessionmgr/init.h"
#include "tests/check.h"

static void locales_are_taken(void)
{
    unsetenv("LANG");
    unsetenv("LC_TIME");
    unsetenv("LC_ALL");
    unsetenv("EVIL");
    setenv("LANGUAGE", "fr", 1);
    user_take_locale("# comment\nLANG=\"de_DE.UTF-8\"\nLANGUAGE=de\nLC_TIME='C'\nEVIL=1\nLC_ALL=\nLC_X=a\tb");
    CHECK_TEXT(getenv("LANG"), "de_DE.UTF-8");
    CHECK_TEXT(getenv("LANGUAGE"), "fr");
    CHECK_TEXT(getenv("LC_TIME"), "C");
    CHECK(getenv("EVIL") == NULL && getenv("LC_ALL") == NULL && getenv("LC_X") == NULL);
}

static void cookies_are_fresh_and_private(void)
{
    char path[] = "/tmp/lodge-cookie-XXXXXX";
    unsigned char first[256], second[256];
    struct stat status;
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    close(fd);
    CHECK(xauthority_write(path, 12) == 0 && stat(path, &status) == 0 && (status.st_mode & 07777) == 0600);
    FILE *file = fopen(path, "r");
    size_t size = fread(first, 1, sizeof(first), file);
    fclose(file);
    /* The last entry: family 0xffff, no address, number "12", kind, 16 bytes. */
    static const unsigned char tail[] = "\xff\xff\0\0\0\2"
                                        "12\0\22MIT-MAGIC-COOKIE-1\0\20";
    CHECK(size > sizeof(tail) + 16);
    CHECK(memcmp(first + size - 16 - (sizeof(tail) - 1), tail, sizeof(tail) - 1) == 0);
    CHECK(xauthority_write(path, 12) == 0);
    file = fopen(path, "r");
    CHECK(fread(second, 1, sizeof(second), file) == size && memcmp(first, second, size) != 0);
    fclose(file);
    unlink(path);
    CHECK(xauthority_write("/proc/none/file", 1) < 0);
}

int main(void)
{
    locales_are_taken();
    cookies_are_fresh_and_private();
    return 0;
}
