#include "logon/accounts-file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/packet.h"
#include "logon/accounts-line.h"

#define LOCK_MS 10000

void accounts_file_free(struct accounts_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        if (file->lines[i].text != NULL)
            explicit_bzero(file->lines[i].text, file->lines[i].size);
        free(file->lines[i].text);
    }
    if (file->lines != NULL)
        explicit_bzero(file->lines, file->room * sizeof(file->lines[0]));
    free(file->lines);
    *file = (struct accounts_file){.lines = NULL};
}

/* Room for one more line, zeroed; not reallocated in place, so that no copy of a hash is left behind. */
static struct accounts_line *line_new(struct accounts_file *file)
{
    if (file->count == file->room) {
        size_t room = file->room ? file->room * 2 : 64;
        struct accounts_line *lines = calloc(room, sizeof(lines[0]));
        if (lines == NULL)
            return NULL;
        if (file->lines != NULL) {
            memcpy(lines, file->lines, file->count * sizeof(lines[0]));
            explicit_bzero(file->lines, file->room * sizeof(lines[0]));
        }
        free(file->lines);
        file->lines = lines;
        file->room = room;
    }
    return &file->lines[file->count++];
}

static bool text_keep(struct accounts_line *line, const char *text, size_t size)
{
    line->text = malloc(size + 1);
    if (line->text == NULL)
        return false;
    memcpy(line->text, text, size);
    line->text[size] = '\0';
    line->size = size;
    return true;
}

static void complain_line(accounts_complain *complain, void *context, const char *name, size_t number,
                          const char *problem)
{
    char text[512];
    if (complain == NULL)
        return;
    snprintf(text, sizeof(text), "%s:%zu: %s; the line is left out", name, number, problem);
    complain(context, text);
}

/* A set of line indices (plus one; 0 is free), probed linearly. `slots` is a power of two above twice the
 * count, so that a file of any size takes time in proportion. */
struct index {
    uint32_t *at;
    size_t slots;
};

static size_t hash_bytes(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * 1099511628211u;
    return (size_t)(hash ^ (hash >> 29));
}

static bool same_name(const struct account *one, const struct account *other)
{
    return strcmp(one->name, other->name) == 0;
}

static bool same_uid(const struct account *one, const struct account *other)
{
    return one->uid == other->uid;
}

/* Puts line `line` in. Returns false where an account that is the same is there. */
static bool index_put(struct index *index, const struct accounts_file *file, size_t line, size_t hash,
                      bool (*same)(const struct account *, const struct account *))
{
    size_t slot = hash & (index->slots - 1);
    for (; index->at[slot] != 0; slot = (slot + 1) & (index->slots - 1))
        if (same(&file->lines[index->at[slot] - 1].account, &file->lines[line].account))
            return false;
    index->at[slot] = (uint32_t)line + 1;
    return true;
}

/* Makes accounts that name or number an earlier one no accounts. */
static bool refuse_twins(struct accounts_file *file, const char *name, accounts_complain *complain,
                         void *context)
{
    struct index names = {.slots = 16}, uids;
    while (names.slots < 2 * file->count + 2)
        names.slots *= 2;
    uids.slots = names.slots;
    names.at = calloc(names.slots, sizeof(names.at[0]));
    uids.at = calloc(uids.slots, sizeof(uids.at[0]));
    bool ok = names.at != NULL && uids.at != NULL;
    for (size_t i = 0; ok && i < file->count; i++) {
        struct accounts_line *line = &file->lines[i];
        const struct account *account = &line->account;
        if (!line->is_account)
            continue;
        const char *problem = NULL;
        if (!index_put(&names, file, i, hash_bytes(account->name, strlen(account->name)), same_name))
            problem = "the name is that of an earlier line";
        else if (!index_put(&uids, file, i, hash_bytes(&account->uid, sizeof(account->uid)), same_uid))
            problem = "the uid is that of an earlier line";
        if (problem != NULL) {
            char text[ACCOUNT_LINE_MAX + 1];
            account_line_format(account, text);
            line->is_account = false;
            ok = text_keep(line, text, strlen(text));
            explicit_bzero(text, sizeof(text));
            complain_line(complain, context, name, i + 1, problem);
        }
    }
    free(names.at);
    free(uids.at);
    return ok;
}

bool accounts_file_parse(struct accounts_file *file, const char *name, const char *text, size_t size,
                         accounts_complain *complain, void *context)
{
    bool ok = true;
    for (size_t at = 0; ok && at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - text) - at : size - at;
        struct accounts_line *line = line_new(file);
        if (line == NULL) {
            ok = false;
            break;
        }
        bool remark = length == 0 || text[at] == '#';
        const char *problem = remark ? NULL : account_line_parse(text + at, length, &line->account);
        line->is_account = !remark && problem == NULL;
        if (!line->is_account)
            ok = text_keep(line, text + at, length);
        if (problem != NULL)
            complain_line(complain, context, name, file->count, problem);
        at += length + 1;
    }
    ok = ok && refuse_twins(file, name, complain, context);
    if (!ok)
        accounts_file_free(file);
    return ok;
}

/* Reads the open file whole; the buffer is the caller's to wipe and free. */
static char *read_whole(int fd, const char *path, size_t *size_r, char *error, size_t error_size)
{
    struct stat status;
    char *text = NULL;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        snprintf(error, error_size, "%s is not an ordinary file", path);
    } else if ((status.st_uid != 0 && status.st_uid != geteuid()) || (status.st_mode & 022) != 0) {
        snprintf(error, error_size, "%s can be written by others than root: chown root and chmod 600 it",
                 path);
    } else if (status.st_size > ACCOUNTS_FILE_MAX) {
        snprintf(error, error_size, "%s is larger than %d bytes", path, ACCOUNTS_FILE_MAX);
    } else if ((text = malloc((size_t)status.st_size + 1)) == NULL) {
        snprintf(error, error_size, "%s: out of memory", path);
    } else {
        size_t used = 0;
        ssize_t got = 1;
        while (got > 0 && used < (size_t)status.st_size) {
            got = read(fd, text + used, (size_t)status.st_size - used);
            used += got > 0 ? (size_t)got : 0;
        }
        *size_r = used;
        if (got >= 0)
            return text;
        snprintf(error, error_size, "cannot read %s: %s", path, strerror(errno));
        explicit_bzero(text, used);
        free(text);
        text = NULL;
    }
    return text;
}

bool accounts_file_load(struct accounts_file *file, const struct conf *conf, accounts_complain *complain,
                        void *context, char *error, size_t error_size)
{
    char path[CONF_TEXT_MAX + 64];
    *file = (struct accounts_file){.lines = NULL};
    conf_state_path(conf, ACCOUNTS_NAME, path, sizeof(path));
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd < 0) {
        snprintf(error, error_size, "cannot open %s: %s", path, strerror(errno));
        return false;
    }
    size_t size = 0;
    char *text = read_whole(fd, path, &size, error, error_size);
    close(fd);
    if (text == NULL)
        return false;
    bool ok = accounts_file_parse(file, path, text, size, complain, context);
    explicit_bzero(text, size);
    free(text);
    if (!ok)
        snprintf(error, error_size, "%s: out of memory", path);
    return ok;
}

static bool write_lines(FILE *stream, const struct accounts_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        const struct accounts_line *line = &file->lines[i];
        char text[ACCOUNT_LINE_MAX + 1];
        if (line->is_account) {
            account_line_format(&line->account, text);
            fprintf(stream, "%s\n", text);
            explicit_bzero(text, sizeof(text));
        } else {
            fwrite(line->text, 1, line->size, stream);
            putc('\n', stream);
        }
    }
    return fflush(stream) == 0 && !ferror(stream) && fsync(fileno(stream)) == 0;
}

static void sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

bool accounts_file_save(const struct accounts_file *file, const struct conf *conf, char *error,
                        size_t error_size)
{
    char path[CONF_TEXT_MAX + 64], fresh[CONF_TEXT_MAX + 64];
    conf_state_path(conf, ACCOUNTS_NAME, path, sizeof(path));
    conf_state_path(conf, ACCOUNTS_NAME ".new", fresh, sizeof(fresh));
    unlink(fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *stream = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool ok = stream != NULL && write_lines(stream, file);
    int failed = ok ? 0 : errno;
    if (stream != NULL && fclose(stream) != 0 && ok) {
        ok = false;
        failed = errno;
    } else if (stream == NULL) {
        close_descriptor(&fd);
    }
    if (ok && rename(fresh, path) != 0) {
        ok = false;
        failed = errno;
    }
    if (!ok) {
        unlink(fresh);
        snprintf(error, error_size, "cannot write %s: %s", path, strerror(failed));
        return false;
    }
    sync_directory(conf->state_directory);
    return true;
}

int accounts_file_lock(const struct conf *conf, char *error, size_t error_size)
{
    char path[CONF_TEXT_MAX + 64];
    conf_state_path(conf, ACCOUNTS_LOCK_NAME, path, sizeof(path));
    mkdir(conf->state_directory, 0755);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        snprintf(error, error_size, "cannot open %s: %s", path, strerror(errno));
        return -1;
    }
    int64_t deadline = clock_monotonic_ms() + LOCK_MS;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            snprintf(error, error_size, "cannot lock %s: %s", path, strerror(errno));
            close_descriptor(&fd);
            return -1;
        }
        if (clock_monotonic_ms() >= deadline) {
            snprintf(error, error_size, "%s is locked by another program", path);
            close_descriptor(&fd);
            return -1;
        }
        poll(NULL, 0, 10); /* the lock cannot be waited for with a deadline in another way */
    }
    return fd;
}

struct account *accounts_file_find(struct accounts_file *file, const char *name)
{
    for (size_t i = 0; i < file->count; i++)
        if (file->lines[i].is_account && strcmp(file->lines[i].account.name, name) == 0)
            return &file->lines[i].account;
    return NULL;
}

bool accounts_file_append(struct accounts_file *file, const struct account *account)
{
    struct accounts_line *line = line_new(file);
    if (line == NULL)
        return false;
    line->is_account = true;
    line->account = *account;
    return true;
}

void accounts_file_drop(struct accounts_file *file, const struct account *account)
{
    for (size_t i = 0; i < file->count; i++)
        if (file->lines[i].is_account && &file->lines[i].account == account) {
            size_t after = file->count - i - 1;
            memmove(&file->lines[i], &file->lines[i + 1], after * sizeof(file->lines[0]));
            file->count--;
            explicit_bzero(&file->lines[file->count], sizeof(file->lines[0]));
            return;
        }
}
