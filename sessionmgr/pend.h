/* The queue of renames and deletes that the next boot carries out: STATE/pending-renames, text, root's alone.
 * Programs change it under a lock and replace it as a whole, so that at any moment it is an old or a new one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"

#define PEND_FILE      "pending-renames"
#define PEND_PATH_ROOM 1024
#define PEND_MOST      256 /* operations */
#define PEND_MARK_ROOM 80

/* `to` is "" for a delete. `mark` is "-" until the operation is begun, and from then on says which file
 * `from` was: after a crash that tells whether it was carried out. */
struct pend_op {
    uint32_t id;
    char mark[PEND_MARK_ROOM], from[PEND_PATH_ROOM], to[PEND_PATH_ROOM];
};

struct pend {
    struct pend_op *ops; /* in order */
    size_t count;
    uint32_t next_id;
    int folder, lock;
    char roots[4 * CONF_TEXT_MAX]; /* with colons between them */
};

/* Opens the queue of this configuration, to change it when `change` is set: then nobody else can until
 * pend_close. Returns true, or false with a sentence in `error`; pend_close is needed only after true. */
bool pend_open(struct pend *pend_r, const struct conf *conf, bool change, char *error, size_t error_size);
void pend_close(struct pend *pend);
/* Adds an operation at the end (`to` NULL: a delete) and writes the queue. *id_r is its number. */
bool pend_add(struct pend *pend, const char *from, const char *to, uint32_t *id_r, char *error,
              size_t error_size);
/* Takes one (id 0: all) out and writes the queue. */
bool pend_cancel(struct pend *pend, uint32_t id, char *error, size_t error_size);

struct pend_run {
    bool stop; /* at the first that fails: it and those behind it stay */
    /* Told of each that is over; `problem` is "" for one that was carried out. */
    void (*over)(const struct pend_op *op, const char *problem, void *context);
    void (*between)(void *context); /* for tests, NULL: called between any two things that happen */
    void *context;
};

/* Carries out what is queued. Returns how many failed, or -1 with a sentence in `error` when the queue cannot
 * be written. */
int pend_run(struct pend *pend, const struct pend_run *run, char *error, size_t error_size);
