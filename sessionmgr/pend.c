#include "sessionmgr/pend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/packet.h"
#include "common/text.h"
#include "sessionmgr/pend-file.h"

#define LOCK_FILE PEND_FILE ".lock"
#define NEW_FILE  PEND_FILE ".new"
#define SIZE_MOST ((size_t)4 << 20)

__attribute__((format(printf, 3, 4))) static bool refuse(char *error, size_t size, const char *format, ...)
{
    char text[2 * PEND_PATH_ROOM + 200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    text_escape(error, size, text);
    return false;
}

static bool parse_line(struct pend *pend, char *line)
{
    struct pend_op *op = &pend->ops[pend->count];
    char *words[4];
    long id;
    for (size_t i = 0; i < 4; i++) {
        words[i] = strsep(&line, "\t");
        if (words[i] == NULL)
            return false;
    }
    if (pend->count == PEND_MOST || line != NULL || !text_number(words[0], 1, UINT32_MAX, &id) ||
        !text_copy(op->mark, sizeof(op->mark), words[1]) ||
        !text_copy(op->from, sizeof(op->from), words[2]) || !text_copy(op->to, sizeof(op->to), words[3]))
        return false;
    op->id = (uint32_t)id;
    pend->count++;
    pend->next_id = op->id + 1;
    return true;
}

static bool read_queue(struct pend *pend, char *error, size_t error_size)
{
    int fd = openat(pend->folder, PEND_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT || refuse(error, error_size, "%s: %s", PEND_FILE, strerror(errno));
    struct stat status;
    char *text = NULL;
    bool ok = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
              (status.st_mode & 022) == 0 && (size_t)status.st_size < SIZE_MOST &&
              (text = calloc(1, (size_t)status.st_size + 1)) != NULL &&
              read(fd, text, (size_t)status.st_size) == status.st_size;
    close_descriptor(&fd);
    char *at = text;
    unsigned number = 0;
    while (ok && at != NULL && at[0] != '\0') {
        char *line = strsep(&at, "\n");
        number++;
        ok = at != NULL && parse_line(pend, line); /* a line that is whole */
    }
    free(text);
    return ok || refuse(error, error_size, "%s is damaged at line %u, or not root's alone; mend or remove it",
                        PEND_FILE, number);
}

static bool write_queue(const struct pend *pend, char *error, size_t error_size)
{
    int fd = openat(pend->folder, NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0;
    for (size_t i = 0; ok && i < pend->count; i++) {
        const struct pend_op *op = &pend->ops[i];
        ok = dprintf(fd, "%u\t%s\t%s\t%s\n", op->id, op->mark, op->from, op->to) > 0;
    }
    ok = ok && fsync(fd) == 0 && renameat(pend->folder, NEW_FILE, pend->folder, PEND_FILE) == 0 &&
         fsync(pend->folder) == 0;
    if (!ok)
        refuse(error, error_size, "the queue %s cannot be written: %s", PEND_FILE, strerror(errno));
    close_descriptor(&fd);
    return ok;
}

static void find_roots(struct pend *pend, const struct conf *conf)
{
    char program[CONF_TEXT_MAX + 1];
    ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
    program[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash != NULL)
        *slash = '\0';
    if (conf->rename_roots[0] != '\0')
        text_copy(pend->roots, sizeof(pend->roots), conf->rename_roots);
    else
        snprintf(pend->roots, sizeof(pend->roots), "%s:/etc/lodge:" LODGE_PROGRAMS ":%s",
                 conf->state_directory, program);
}

bool pend_open(struct pend *pend_r, const struct conf *conf, bool change, char *error, size_t error_size)
{
    struct pend pend = {.folder = -1, .lock = -1, .next_id = 1};
    pend.ops = calloc(PEND_MOST + 1, sizeof(pend.ops[0]));
    pend.folder = open(conf->state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = pend.ops != NULL && pend.folder >= 0;
    if (ok && change) {
        pend.lock = openat(pend.folder, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        ok = pend.lock >= 0 && flock(pend.lock, LOCK_EX) == 0;
    }
    if (!ok)
        refuse(error, error_size, "%s: %s", conf->state_directory, strerror(errno));
    find_roots(&pend, conf);
    if (ok && read_queue(&pend, error, error_size)) {
        *pend_r = pend;
        return true;
    }
    pend_close(&pend);
    return false;
}

void pend_close(struct pend *pend)
{
    close_descriptor(&pend->lock);
    close_descriptor(&pend->folder);
    free(pend->ops);
    pend->ops = NULL;
    pend->count = 0;
}

bool pend_add(struct pend *pend, const char *from, const char *to, uint32_t *id_r, char *error,
              size_t error_size)
{
    struct pend_op op = {.id = pend->next_id, .mark = "-"};
    if (!pend_file_check(pend->roots, from, error, error_size) ||
        (to != NULL && !pend_file_check(pend->roots, to, error, error_size)))
        return false;
    if (to != NULL && strcmp(from, to) == 0)
        return refuse(error, error_size, "%s cannot be renamed to itself", from);
    if (pend->count == PEND_MOST)
        return refuse(error, error_size, "%d operations are queued already", PEND_MOST);
    text_copy(op.from, sizeof(op.from), from);
    text_copy(op.to, sizeof(op.to), to != NULL ? to : "");
    pend->ops[pend->count++] = op;
    if (!write_queue(pend, error, error_size))
        return false;
    pend->next_id++;
    *id_r = op.id;
    return true;
}

static void take_out(struct pend *pend, size_t index)
{
    pend->count--;
    memmove(&pend->ops[index], &pend->ops[index + 1], (pend->count - index) * sizeof(pend->ops[0]));
}

bool pend_cancel(struct pend *pend, uint32_t id, char *error, size_t error_size)
{
    size_t before = pend->count;
    for (size_t i = pend->count; i-- > 0;) {
        if (id == 0 || pend->ops[i].id == id)
            take_out(pend, i);
    }
    if (id != 0 && pend->count == before)
        return refuse(error, error_size, "no operation %u is queued", id);
    return write_queue(pend, error, error_size);
}

static void between(const struct pend_run *run)
{
    if (run->between != NULL)
        run->between(run->context);
}

/* The mark is on the disk before anything happens, and the operation is on the disk before it leaves the
 * queue: a crash leaves one that has its mark, and the mark tells whether the file is still there. */
static bool do_first(struct pend *pend, const struct pend_run *run, char *problem, size_t problem_size,
                     char *error, size_t error_size)
{
    struct pend_op *op = &pend->ops[0];
    bool begun = strcmp(op->mark, "-") != 0;
    char now[PEND_MARK_ROOM];
    problem[0] = '\0';
    bool there = pend_file_mark(pend->roots, op->from, now, problem, problem_size);
    if (begun && (!there || strcmp(now, op->mark) != 0)) {
        problem[0] = '\0'; /* it was carried out before the crash */
        return true;
    }
    if (!there)
        return true;
    text_copy(op->mark, sizeof(op->mark), now);
    if (!write_queue(pend, error, error_size))
        return false;
    between(run);
    pend_file_do(pend->roots, op->from, op->to[0] != '\0' ? op->to : NULL, problem, problem_size);
    between(run);
    return true;
}

int pend_run(struct pend *pend, const struct pend_run *run, char *error, size_t error_size)
{
    int failed = 0;
    while (pend->count > 0) {
        char problem[PEND_PATH_ROOM + 200];
        if (!do_first(pend, run, problem, sizeof(problem), error, error_size))
            return -1;
        struct pend_op op = pend->ops[0];
        bool stop = problem[0] != '\0' && run->stop;
        failed += problem[0] != '\0';
        text_copy(pend->ops[0].mark, sizeof(pend->ops[0].mark), "-");
        if (!stop)
            take_out(pend, 0);
        if (!write_queue(pend, error, error_size))
            return -1;
        run->over(&op, problem, run->context);
        between(run);
        if (stop)
            break;
    }
    return failed;
}
