/* The parts of lodge-boot: what lodge-smss has done before it serves, and after. It is a program of its own
 * so that the one process that has to live on holds none of this code, and can give up on it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/conf-items.h"
#include "common/conf.h"
#include "common/event.h"

struct boot {
    struct conf conf;
    struct conf_items items;
    char **environment;
    char programs[CONF_TEXT_MAX + 1];
    int report;   /* lodge-smss reads it */
    bool unclean; /* the run before was not shut down */
};

/* What came of a step. `failed` counts; detail is one line. */
struct boot_result {
    unsigned done, failed;
    char detail[160];
};

/* Tells lodge-smss an event, and what a step came to. */
__attribute__((format(printf, 3, 4))) void boot_event(const struct boot *boot, enum event_id id,
                                                      const char *format, ...);

/* boot-crash.c */
/* Tells how the run before ended, and marks that one has begun. `again`: lodge-smss is back, and what it had
 * goes on. */
void boot_crash_records(struct boot *boot, bool again, struct boot_result *result);
/* The run is over, and was shut down. */
void boot_crash_end(const struct boot *boot);

/* boot-core.c: core files. */
struct core_record {
    char program[32];
    int pid, signal;
    int64_t time_ms;
};
/* Reads an ELF core file. Returns false when it is none of this machine's kind. */
bool core_read(int fd, struct core_record *record_r);
/* The folder where the kernel's core_pattern has core files, or "" for one that cannot be told. */
const char *core_folder(const char *pattern, char *folder, size_t size);
/* Calls `found` for each core file of Lodge's programs in the folder that is not older than `since_ms` and
 * that one of these users has. Returns 0 or a negative errno. */
int core_each(const char *folder, int64_t since_ms, const uid_t *users, size_t user_count,
              void (*found)(const struct core_record *record, void *context), void *context);

/* boot-execute.c */
void boot_execute(struct boot *boot, struct boot_result *result);

/* boot-paging.c */
void boot_paging(struct boot *boot, struct boot_result *result);
/* Stops swapping to the files, the last first, and removes those that Lodge made. */
void boot_paging_end(struct boot *boot, struct boot_result *result);

struct paging_file {
    char path[CONF_TEXT_MAX + 1];
    long least_mib, most_mib;
};
#define PAGING_FILES_MOST 8
/* Reads "PATH LEAST MOST, ...". Returns the number of files, or -1 with a sentence in `problem`. */
int paging_parse(const char *text, struct paging_file files_r[PAGING_FILES_MOST], char *problem,
                 size_t problem_size);
/* Makes the file, or takes the one that is there. Returns true, or false with a sentence. */
bool paging_make(const struct paging_file *file, char *problem, size_t problem_size);
/* True when the file is one that paging_make made. */
bool paging_is_own(const char *path);
