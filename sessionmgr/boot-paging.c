/* Paging files: swap files of Lodge's own, marked by the label in their header. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/swap.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "common/text.h"
#include "sessionmgr/bootprog.h"
#include "sessionmgr/proc.h"

#define MIB       ((off_t)1 << 20)
#define SIGNATURE "SWAPSPACE2"
#define LABEL     "lodge"
#define VERSION_AT                                                                          \
    1024 /* in the first page: version, last page, bad pages, 16 bytes UUID, 16 bytes label \
          */
#define LABEL_AT     (VERSION_AT + 12 + 16)
#define PAGE_MOST    65536
#define KEEP_PERCENT 10 /* of the file system stays free */

static bool refuse(char *problem, size_t size, const char *path, const char *why)
{
    snprintf(problem, size, "%.250s: %.200s", path, why);
    return false;
}

static bool parse_one(char *text, struct paging_file *file_r)
{
    char *words[3] = {NULL}, *word;
    size_t count = 0;
    while ((word = strsep(&text, " \t")) != NULL) {
        if (word[0] != '\0' && count == 3)
            return false;
        if (word[0] != '\0')
            words[count++] = word;
    }
    return count == 3 && words[0][0] == '/' && text_copy(file_r->path, sizeof(file_r->path), words[0]) &&
           text_number(words[1], 1, 1 << 24, &file_r->least_mib) &&
           text_number(words[2], file_r->least_mib, 1 << 24, &file_r->most_mib);
}

int paging_parse(const char *text, struct paging_file files_r[PAGING_FILES_MOST], char *problem,
                 size_t problem_size)
{
    char copy[CONF_TEXT_MAX + 1], *at = copy, *part;
    int count = 0;
    text_copy(copy, sizeof(copy), text);
    if (copy[strspn(copy, " \t")] == '\0')
        return 0;
    while ((part = strsep(&at, ",")) != NULL) {
        if (count < PAGING_FILES_MOST && parse_one(part, &files_r[count])) {
            count++;
            continue;
        }
        snprintf(problem, problem_size,
                 "PagingFiles is to be up to %d times PATH LEAST MOST, in MiB, with commas",
                 PAGING_FILES_MOST);
        return -1;
    }
    return count;
}

/* The first page. Returns its size, or 0 when that cannot be read. */
static size_t read_page(int fd, char page[PAGE_MOST])
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    return size <= PAGE_MOST && pread(fd, page, size, 0) == (ssize_t)size ? size : 0;
}

static bool is_swap(int fd, bool own)
{
    static char page[PAGE_MOST];
    size_t size = read_page(fd, page);
    return size > 0 && memcmp(page + size - 10, SIGNATURE, 10) == 0 &&
           (!own || strncmp(page + LABEL_AT, LABEL, 16) == 0);
}

static bool write_header(int fd, off_t bytes)
{
    static char page[PAGE_MOST];
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    uint32_t head[3] = {1, (uint32_t)((uint64_t)bytes / size - 1), 0};
    if (size > PAGE_MOST)
        return false;
    memset(page, 0, size);
    memcpy(page + VERSION_AT, head, sizeof(head));
    memcpy(page + LABEL_AT, LABEL, sizeof(LABEL));
    memcpy(page + size - 10, SIGNATURE, 10);
    return pwrite(fd, page, size, 0) == (ssize_t)size && fsync(fd) == 0;
}

/* As large as may be; 0: there is no room for the least. */
static off_t choose_size(const struct paging_file *file, int folder)
{
    struct statvfs system;
    if (fstatvfs(folder, &system) != 0)
        return 0;
    uint64_t block = system.f_frsize, keep = system.f_blocks * block / 100 * KEEP_PERCENT;
    uint64_t room = system.f_bavail * block, size = (uint64_t)file->most_mib * MIB;
    room = room > keep ? room - keep : 0;
    size = size < room ? size : room / MIB * MIB;
    return size >= (uint64_t)file->least_mib * MIB ? (off_t)size : 0;
}

/* Where others may put another file in its place, they would get to read what is in memory. -1 with errno,
 * EPERM for that. */
static int open_folder(const char *path)
{
    char folder[CONF_TEXT_MAX + 1];
    struct stat status;
    text_copy(folder, sizeof(folder), path);
    char *slash = strrchr(folder, '/');
    slash[slash == folder ? 1 : 0] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
        ((status.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (status.st_mode & S_ISVTX) != 0))
        return fd;
    if (fd >= 0)
        errno = EPERM;
    close_descriptor(&fd);
    return -1;
}

/* A file that copies on writing, or has holes, cannot be swapped to. */
static int fill(int fd, off_t size)
{
    int flags = 0;
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
        flags |= FS_NOCOW_FL;
        ioctl(fd, FS_IOC_SETFLAGS, &flags);
    }
    if (fallocate(fd, 0, 0, size) != 0)
        return -errno;
    return write_header(fd, size) ? 0 : -EIO;
}

static bool make_new(const struct paging_file *file, int folder, char *problem, size_t problem_size)
{
    const char *name = strrchr(file->path, '/') + 1;
    off_t size = choose_size(file, folder);
    if (size == 0)
        return refuse(problem, problem_size, file->path, "the file system has too little room for it");
    int fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return refuse(problem, problem_size, file->path, strerror(errno));
    int failed = fill(fd, size);
    close_descriptor(&fd);
    if (failed) {
        unlinkat(folder, name, 0);
        return refuse(problem, problem_size, file->path, strerror(-failed));
    }
    return true;
}

/* Left alone unless it is a swap file of root's that nobody else can read. */
static bool take_old(const struct paging_file *file, int fd, char *problem, size_t problem_size)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != 0 ||
        (status.st_mode & 077) != 0)
        return refuse(problem, problem_size, file->path,
                      "is there, and is not root's alone; it is left as it is");
    return is_swap(fd, false) ||
           refuse(problem, problem_size, file->path, "is there, and is no swap file; it is left as it is");
}

bool paging_make(const struct paging_file *file, char *problem, size_t problem_size)
{
    int folder = open_folder(file->path);
    if (folder < 0)
        return refuse(problem, problem_size, file->path,
                      errno == EPERM ? "others may write in its folder" : strerror(errno));
    int fd = openat(folder, strrchr(file->path, '/') + 1, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool ok = false;
    if (fd >= 0)
        ok = take_old(file, fd, problem, problem_size);
    else if (errno == ENOENT)
        ok = make_new(file, folder, problem, problem_size);
    else
        refuse(problem, problem_size, file->path, strerror(errno));
    close_descriptor(&fd);
    close_descriptor(&folder);
    return ok;
}

bool paging_is_own(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat status;
    bool own = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == 0 &&
               is_swap(fd, true);
    close_descriptor(&fd);
    return own;
}

/* The files that this run has begun to swap to, a line each: the end of it leaves others' alone. */
static const char *list_path(const struct boot *boot, char *path, size_t size)
{
    return conf_run_path(&boot->conf, "paging-files", path, size);
}

static void remember(const struct boot *boot, const char *file)
{
    char path[CONF_TEXT_MAX + 32];
    int fd = open(list_path(boot, path, sizeof(path)), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
                  0600);
    if (fd < 0 || dprintf(fd, "%s\n", file) < 0)
        log_warning(path, "cannot be written, so that %s stays in use at shutdown: %m", file);
    close_descriptor(&fd);
}

/* Returns false after a sentence. What of Lodge's own cannot be used does not stay. */
static bool use(struct boot *boot, const struct paging_file *file, char *problem, size_t problem_size)
{
    if (!paging_make(file, problem, problem_size))
        return false;
    bool own = paging_is_own(file->path), on = swapon(file->path, 0) == 0;
    int failed = on ? 0 : errno;
    if (on || (failed == EBUSY && own))
        remember(boot, file->path);
    if (on || failed == EBUSY)
        return true;
    if (own)
        unlink(file->path);
    char why[120];
    snprintf(why, sizeof(why), "cannot be swapped to here: %.80s", strerror(failed));
    return refuse(problem, problem_size, file->path, why);
}

static void enable(struct boot *boot, const struct paging_file *file, struct boot_result *result)
{
    char problem[CONF_TEXT_MAX + 160] = "";
    if (use(boot, file, problem, sizeof(problem))) {
        boot_event(boot, EVENT_PAGING_FILE, "%s is in use", file->path);
        result->done++;
        return;
    }
    boot_event(boot, EVENT_PAGING_FILE_FAILED, "%s", problem);
    if (result->failed++ == 0)
        text_escape(result->detail, sizeof(result->detail), problem);
}

void boot_paging(struct boot *boot, struct boot_result *result)
{
    struct paging_file files[PAGING_FILES_MOST];
    int count = paging_parse(boot->conf.paging_files, files, result->detail, sizeof(result->detail));
    result->failed = count < 0;
    for (int i = 0; i < count; i++) {
        enable(boot, &files[i], result);
        if (result->failed > 0 && boot->conf.on_paging == CONF_STOP)
            return;
    }
    if (result->failed == 0)
        snprintf(result->detail, sizeof(result->detail), "%u files", result->done);
}

static void disable(const char *path, struct boot_result *result)
{
    bool off = swapoff(path) == 0;
    int failed = off ? 0 : errno;
    bool out_of_use = off || failed == EINVAL || failed == ENOENT;
    if (out_of_use && paging_is_own(path))
        unlink(path);
    result->done += off;
    if (!out_of_use && result->failed++ == 0)
        snprintf(result->detail, sizeof(result->detail), "%.100s: %.50s", path, strerror(failed));
}

void boot_paging_end(struct boot *boot, struct boot_result *result)
{
    char path[CONF_TEXT_MAX + 32], text[PAGING_FILES_MOST * (CONF_TEXT_MAX + 2)];
    if (proc_read(list_path(boot, path, sizeof(path)), text, sizeof(text)) <= 0)
        return;
    for (char *end; (end = strrchr(text, '\n')) != NULL;) { /* the last first */
        *end = '\0';
        char *start = strrchr(text, '\n');
        disable(start != NULL ? start + 1 : text, result);
        if (start == NULL)
            break;
    }
    unlink(path);
}
