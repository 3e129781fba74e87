#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/packet.h"
#include "common/text.h"
#include "sessionmgr/bootprog.h"

#define OURS         "lodge-"
#define NOTES_MOST   65536
#define HEADERS_MOST 16 /* the notes come first */
#define SYSTEMD      "/var/lib/systemd/coredump"

static size_t align(size_t size)
{
    return (size + 3) & ~(size_t)3;
}

/* One note of a core file. */
static void take_note(const Elf64_Nhdr *note, const char *content, struct core_record *record)
{
    if (note->n_type == NT_PRPSINFO && note->n_descsz == sizeof(prpsinfo_t)) {
        prpsinfo_t info;
        char name[sizeof(info.pr_fname) + 1] = "";
        memcpy(&info, content, sizeof(info));
        memcpy(name, info.pr_fname, sizeof(info.pr_fname));
        text_escape(record->program, sizeof(record->program), name);
        record->pid = info.pr_pid;
    } else if (note->n_type == NT_PRSTATUS && note->n_descsz == sizeof(prstatus_t) && record->signal == 0) {
        prstatus_t status; /* the first is that of the thread that failed */
        memcpy(&status, content, sizeof(status));
        record->signal = status.pr_cursig;
    }
}

static void take_notes(const char *notes, size_t size, struct core_record *record)
{
    size_t at = 0;
    while (size - at >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr note;
        memcpy(&note, notes + at, sizeof(note));
        size_t rest = size - at - sizeof(note);
        if (note.n_namesz > rest || align(note.n_namesz) > rest ||
            note.n_descsz > rest - align(note.n_namesz))
            return;
        const char *name = notes + at + sizeof(note), *content = name + align(note.n_namesz);
        if (note.n_namesz == 5 && memcmp(name, "CORE", 5) == 0)
            take_note(&note, content, record);
        rest -= align(note.n_namesz);
        if (align(note.n_descsz) > rest)
            return;
        at = (size_t)(content - notes) + align(note.n_descsz);
    }
}

bool core_read(int fd, struct core_record *record_r)
{
    Elf64_Ehdr head;
    Elf64_Phdr parts[HEADERS_MOST];
    struct core_record record = {0};
    if (pread(fd, &head, sizeof(head), 0) != sizeof(head) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
        head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_type != ET_CORE ||
        head.e_phentsize != sizeof(parts[0]))
        return false;
    size_t count = head.e_phnum < HEADERS_MOST ? head.e_phnum : HEADERS_MOST;
    ssize_t got = pread(fd, parts, count * sizeof(parts[0]), (off_t)head.e_phoff);
    char *notes = malloc(NOTES_MOST);
    for (size_t i = 0; notes != NULL && got > 0 && i < (size_t)got / sizeof(parts[0]); i++) {
        size_t size = parts[i].p_filesz < NOTES_MOST ? parts[i].p_filesz : NOTES_MOST;
        ssize_t read = parts[i].p_type == PT_NOTE ? pread(fd, notes, size, (off_t)parts[i].p_offset) : 0;
        if (read > 0)
            take_notes(notes, (size_t)read, &record);
    }
    free(notes);
    if (record.program[0] == '\0' || record.signal <= 0)
        return false;
    *record_r = record;
    return true;
}

/* systemd packs the files, and says in attributes what they are of. */
static bool read_attributes(int fd, struct core_record *record_r)
{
    const struct {
        const char *name;
        char text[32];
    } attributes[] = {{"user.coredump.comm", ""}, {"user.coredump.pid", ""}, {"user.coredump.signal", ""}};
    char texts[3][32] = {"", "", ""};
    long pid, signal;
    for (size_t i = 0; i < 3; i++) {
        ssize_t got = fgetxattr(fd, attributes[i].name, texts[i], sizeof(texts[i]) - 1);
        if (got <= 0)
            return false;
        texts[i][got] = '\0';
    }
    if (!text_number(texts[1], 1, INT_MAX, &pid) || !text_number(texts[2], 1, 64, &signal))
        return false;
    text_escape(record_r->program, sizeof(record_r->program), texts[0]);
    record_r->pid = (int)pid;
    record_r->signal = (int)signal;
    return true;
}

const char *core_folder(const char *pattern, char *folder, size_t size)
{
    folder[0] = '\0';
    if (pattern[0] == '|') {
        text_copy(folder, size, strstr(pattern, "systemd-coredump") != NULL ? SYSTEMD : "");
    } else if (pattern[0] != '/') {
        text_copy(folder, size, "/"); /* where the services run */
    } else if (text_copy(folder, size, pattern)) {
        char *slash = strrchr(folder, '/');
        slash[slash == folder ? 1 : 0] = '\0';
        if (strchr(folder, '%') != NULL)
            folder[0] = '\0';
    }
    return folder;
}

/* Where anybody may write, a file of anybody's could tell anything: only users count that Lodge's services
 * run as. */
static bool is_trusted(const struct stat *status, const uid_t *users, size_t count)
{
    for (size_t i = 0; S_ISREG(status->st_mode) && status->st_nlink == 1 && i < count; i++) {
        if (status->st_uid == users[i])
            return true;
    }
    return false;
}

int core_each(const char *folder, int64_t since_ms, const uid_t *users, size_t user_count,
              void (*found)(const struct core_record *record, void *context), void *context)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;
    if (directory == NULL)
        return -errno;
    while ((entry = readdir(directory)) != NULL) {
        struct core_record record = {0};
        struct stat status;
        if (fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            !is_trusted(&status, users, user_count))
            continue;
        int64_t time_ms = (int64_t)status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000;
        int fd = time_ms < since_ms ? -1
                                    : openat(dirfd(directory), entry->d_name,
                                             O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        bool same = fd >= 0 && fstat(fd, &status) == 0 && is_trusted(&status, users, user_count);
        if (same && (core_read(fd, &record) || read_attributes(fd, &record)) &&
            strncmp(record.program, OURS, sizeof(OURS) - 1) == 0) {
            record.time_ms = time_ms;
            found(&record, context);
        }
        close_descriptor(&fd);
    }
    closedir(directory);
    return 0;
}
