#include "broker/expiry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX 65536
#define BEGIN    "-----BEGIN CERTIFICATE-----"

enum { INTEGER = 0x02, UTC_TIME = 0x17, GENERALIZED_TIME = 0x18, SEQUENCE = 0x30, VERSION = 0xa0 };

struct der {
    const uint8_t *at;
    size_t left;
};

/* Takes one element apart, whose tag is *tag_r, and goes on behind it. False where it is not whole. */
static bool take(struct der *der, unsigned *tag_r, struct der *content_r)
{
    if (der->left < 2 || (der->at[0] & 0x1f) == 0x1f)
        return false;
    size_t head = 2, length = der->at[1];
    if (length > 0x80) {
        size_t bytes = length - 0x80;
        if (bytes > 3 || der->left < 2 + bytes)
            return false;
        length = 0;
        for (size_t i = 0; i < bytes; i++)
            length = length << 8 | der->at[2 + i];
        head += bytes;
    } else if (length == 0x80) {
        return false;
    }
    if (length > der->left - head)
        return false;
    *tag_r = der->at[0];
    *content_r = (struct der){der->at + head, length};
    der->at += head + length;
    der->left -= head + length;
    return true;
}

static bool take_one(struct der *der, unsigned want, struct der *content_r)
{
    unsigned tag;
    return take(der, &tag, content_r) && tag == want;
}

/* YYMMDDHHMMSSZ of 1950 to 2049, or YYYYMMDDHHMMSSZ, as RFC 5280 has them. */
static bool parse_time(unsigned tag, struct der text, int64_t *ms_r)
{
    static const int least[] = {0, 1, 1, 0, 0, 0}, most[] = {9999, 12, 31, 23, 59, 60};
    size_t year = tag == UTC_TIME ? 2 : 4;
    int parts[6] = {0};
    if ((tag != UTC_TIME && tag != GENERALIZED_TIME) || text.left != year + 11 ||
        text.at[text.left - 1] != 'Z')
        return false;
    for (size_t i = 0; i < text.left - 1; i++) {
        size_t part = i < year ? 0 : 1 + (i - year) / 2;
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        parts[part] = parts[part] * 10 + (text.at[i] - '0');
    }
    if (tag == UTC_TIME)
        parts[0] += parts[0] < 50 ? 2000 : 1900;
    for (size_t i = 0; i < 6; i++) {
        if (parts[i] < least[i] || parts[i] > most[i])
            return false;
    }
    struct tm time = {.tm_year = parts[0] - 1900,
                      .tm_mon = parts[1] - 1,
                      .tm_mday = parts[2],
                      .tm_hour = parts[3],
                      .tm_min = parts[4],
                      .tm_sec = parts[5]};
    *ms_r = (int64_t)timegm(&time) * 1000;
    return true;
}

/* Certificate, its part that is signed, and of that: version, serial, algorithm, issuer, validity. */
static bool find_in_der(struct der der, int64_t *ms_r)
{
    struct der certificate, body, part, validity, time;
    unsigned tag;
    if (!take_one(&der, SEQUENCE, &certificate) || !take_one(&certificate, SEQUENCE, &body) ||
        !take(&body, &tag, &part))
        return false;
    if (tag == VERSION && !take(&body, &tag, &part))
        return false;
    return tag == INTEGER && take_one(&body, SEQUENCE, &part) && take_one(&body, SEQUENCE, &part) &&
           take_one(&body, SEQUENCE, &validity) && take(&validity, &tag, &part) &&
           take(&validity, &tag, &time) && parse_time(tag, time, ms_r);
}

static int value_of(char letter)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = letter != '\0' ? strchr(letters, letter) : NULL;
    return found != NULL ? (int)(found - letters) : -1;
}

/* Decodes base64 up to the first - or =. Returns the size of what is in `to`, which has as much room. */
static size_t decode(const char *from, size_t size, uint8_t *to)
{
    unsigned bits = 0, have = 0;
    size_t used = 0;
    for (size_t i = 0; i < size && from[i] != '-' && from[i] != '='; i++) {
        int value = value_of(from[i]);
        if (value < 0)
            continue; /* the ends of lines */
        bits = (bits << 6 | (unsigned)value) & 0xffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            to[used++] = (uint8_t)(bits >> have);
        }
    }
    return used;
}

int expiry_find(const char *pem, size_t size, int64_t *ms_r)
{
    const char *begin = memmem(pem, size, BEGIN, sizeof(BEGIN) - 1);
    if (begin == NULL)
        return -EINVAL;
    begin += sizeof(BEGIN) - 1;
    size_t rest = size - (size_t)(begin - pem);
    uint8_t *der = malloc(rest + 1);
    if (der == NULL)
        return -ENOMEM;
    bool found = find_in_der((struct der){der, decode(begin, rest, der)}, ms_r);
    free(der);
    return found ? 0 : -EINVAL;
}

int expiry_of(const char *path, int64_t *ms_r)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    char *text = malloc(FILE_MAX);
    ssize_t got = -1;
    if (text == NULL)
        errno = ENOMEM;
    else if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        got = read(fd, text, FILE_MAX);
    else
        errno = EINVAL;
    int failed = got < 0 ? -errno : expiry_find(text, (size_t)got, ms_r);
    free(text);
    close(fd);
    return failed;
}
