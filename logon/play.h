/* For tests: a place of its own to run lodge-logon in, and the part of lodge-smss. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/conf.h"
#include "rpc/sm.h"

#define PLAY_MS            30000 /* how long anything may take */
#define PLAY_TASKS         5000  /* TasksMax */
#define PLAY_WIDTH_BOUNDED 802   /* asks the stand-in whether RLIMIT_NPROC holds that */

struct play {
    char base[64];    /* a folder in /tmp with run, state, bin, lodge.conf */
    char marker[64];  /* the name of a file in the host's /tmp and /dev/shm */
    char cgroup[300]; /* of this test alone; the sessions' and `logons` go below */
    struct conf conf;
    int port; /* the listening sm.port */
};

/* One lodge-logon and its connection. */
struct player {
    pid_t pid;
    int fd;
    uint64_t logon;
};

/* The folder of the test's program. The first call finds it out: before this process goes to another mount
 * namespace, from where it cannot be told on a machine that is a chroot. */
const char *play_programs(void);
/* Makes all of it, with lodge-logon and the stand-in copied from the folder of the test's program; ends the
 * test with 77 where this machine does not allow it. */
void play_begin(struct play *play_r);
/* Ends what still runs, removes everything. */
void play_finish(struct play *play);
/* The same for a test that has failed, as well as it can. */
void play_abandon(const struct play *play);
/* Listens on sm.port (again), and stops to, as a dead smss does. */
void play_listen(struct play *play);
void play_deafen(struct play *play);
/* (Re)writes lodge.conf with PidNamespace. */
void play_configure(struct play *play, bool pid_namespace);

/* Starts lodge-logon with these credentials. The connection is -1 until play_accept. */
struct player play_start(const struct play *play, uint64_t logon, const char *user, const char *password);
/* As from a client at this address. */
struct player play_start_from(const struct play *play, uint64_t logon, const char *user, const char *password,
                              const char *client);
/* Accepts one connection, and gives it to the player that its HELLO names. */
void play_accept(const struct play *play, struct player *players, size_t count);
/* Waits for a message that must be of this number. */
void play_receive(const struct player *player, unsigned number, union sm_body *body_r);
void play_send(const struct player *player, unsigned number, const void *body);
/* Waits for the process's end and returns its wait status. */
int play_wait(struct player *player);
/* Waits until the cgroup `name` below the test's has processes (or none). */
void play_wait_cgroup(const struct play *play, const char *name, bool populated);
/* Runs a program with arguments up to a NULL; true when it ended with 0. */
#define play_run(...) play_run_words((const char *const[]){__VA_ARGS__})
bool play_run_words(const char *const *words);
