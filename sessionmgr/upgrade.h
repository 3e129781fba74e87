/* Upgrade in place: new programs lie where the old ones lay, and this lodge-smss becomes the new one, with
 * its process, its children and all sessions; then broker and listener are replaced one after the other. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sessionmgr/lines.h"
#include "sessionmgr/loop.h"
#include "sessionmgr/process.h"

struct smss;
struct service;

enum upgrade_state {
    UPGRADE_NONE,
    UPGRADE_CHECKING,   /* the new programs are tried */
    UPGRADE_WAITING,    /* for logons under way */
    UPGRADE_TAKEN_OVER, /* this is the new lodge-smss; it waits for the services to come by */
    UPGRADE_REPLACING,  /* the services */
};

struct upgrade {
    enum upgrade_state state;
    struct process check;
    struct lines lines;
    struct loop_timer timer;
    int64_t deadline;
    bool asked;       /* by the broker, which is told what comes of it */
    char by[32];      /* who asked */
    int previous;     /* the program that this process ran before, -1: none, or it is not needed any more */
    const char *from; /* its version; NULL: this is no upgrade */
    bool back;        /* this is the old lodge-smss again */
    unsigned service; /* the next to be replaced */
    unsigned failed;  /* services that went back to the old program */
};

void upgrade_init(struct smss *smss);
/* Begins one, unless something else is under way. `by` says who wants it, for the history. */
void upgrade_begin(struct smss *smss, const char *by, bool asked);
/* Recovery is over: the new lodge-smss replaces the services, the old one that is back says so. */
void upgrade_go_on(struct smss *smss);
/* A service that is being replaced is ready; or has failed with its new program, and starts with the old one.
 */
void upgrade_service_ready(struct service *service);
void upgrade_service_failed(struct service *service, const char *how);
/* This new lodge-smss cannot start: becomes the old one again. Returns when that fails, or nothing was
 * before. */
void upgrade_roll_back(struct smss *smss);

/* upgrade-check.c: `lodge-smss --check`. Tries the programs beside this one; the last line on standard error
 * says what is wrong, or UPGRADE_CHECKED with the version. Returns the exit status. */
int upgrade_check(const char *programs, const char *conf_path);
#define UPGRADE_CHECKED "can take over, version "
