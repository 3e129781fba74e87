/* Events' way to systemd's journal (its native protocol, with fields) or to syslog (RFC 3164 lines):
 * datagrams that nobody waits for. What is not taken is counted and lost there; the database has it all the
 * same. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"
#include "db/db.h"

enum outlet_kind { OUTLET_NONE, OUTLET_AUTO, OUTLET_JOURNAL, OUTLET_SYSLOG };

/* All zero is one that takes nothing. */
struct outlet {
    enum outlet_kind wanted, kind; /* kind: what is connected, with OUTLET_NONE nothing is */
    char path[CONF_TEXT_MAX + 1];  /* that is wanted; empty: the usual one */
    int fd;
    int failed;       /* the errno of the last attempt, 0: it was taken */
    int64_t again_at; /* in the monotonic clock: no attempt to connect before */
    uint64_t lost, untold;
};

/* True when the section [Events] makes sense; otherwise `error` says what does not. */
bool outlet_check(const struct conf *conf, char *error, size_t size);
/* Takes the section, and connects. */
void outlet_configure(struct outlet *outlet, const struct conf *conf);
void outlet_close(struct outlet *outlet);
void outlet_put(struct outlet *outlet, const struct db_event *event);
/* How many were lost before events were taken again, once; 0: none, or they still are lost. */
uint64_t outlet_take_lost(struct outlet *outlet);

/* The datagrams, for one who has room for OUTLET_ROOM bytes. Return the size. */
#define OUTLET_ROOM 8192
size_t outlet_make_journal(const struct db_event *event, char *text);
size_t outlet_make_syslog(const struct db_event *event, int64_t now_s, int pid, char *text);
