#include "logon/play-session.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/reason.h"
#include "logon/accounts.h"
#include "tests/check.h"

void play_lab_add(const struct play *play, const char *name, bool throwaway)
{
    struct account account = {.expires_day = ACCOUNT_NEVER, .throwaway = throwaway, .full_name = "Lab User"};
    snprintf(account.name, sizeof(account.name), "%s", name);
    char error[512];
    if (!accounts_add(&play->conf, &account, PLAY_PASSWORD, NULL, error, sizeof(error))) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
}

struct player play_logon(const struct play *play, uint64_t number, const char *user)
{
    union sm_body body;
    struct player player = play_start(play, number, user, PLAY_PASSWORD);
    play_accept(play, &player, 1);
    play_receive(&player, SM_LOGON_RESULT, &body);
    CHECK(body.logon_result.reason == REASON_NONE);
    return player;
}

void play_create(const struct play *play, const struct player *player, uint16_t id, uint16_t width)
{
    struct sm_session_create request = {
        .logon = player->logon, .id = id, .display = 0, .width = width, .height = 600};
    request.tasks = (uint32_t)play->conf.tasks_max;
    snprintf(request.desktop, sizeof(request.desktop), "%s", play->conf.desktop);
    snprintf(request.cgroup, sizeof(request.cgroup), "%.200s/session-%u", play->cgroup, id);
    play_send(player, SM_SESSION_CREATE, &request);
}

void play_expect_state(const struct player *player, uint16_t id, enum sm_life state, const char *user)
{
    union sm_body body;
    play_receive(player, SM_SESSION_STATE, &body);
    CHECK(body.session_state.id == id && body.session_state.state == state);
    CHECK(body.session_state.logon == player->logon && body.session_state.started_ms > 0);
    CHECK_TEXT(body.session_state.user, user);
}

void play_end(const struct player *player, uint16_t id, uint32_t grace_ms)
{
    struct sm_session_end request = {.id = id, .reason = REASON_LOGOFF_ADMIN, .grace_ms = grace_ms};
    play_send(player, SM_SESSION_END, &request);
}

void play_expect_ended(struct player *player, uint16_t id, enum reason reason)
{
    union sm_body body;
    play_receive(player, SM_SESSION_ENDED, &body);
    if (body.session_ended.reason != reason)
        fprintf(stderr, "%s: %s\n", reason_name(body.session_ended.reason), body.session_ended.detail);
    CHECK(body.session_ended.id == id && body.session_ended.reason == reason);
    CHECK(body.session_ended.logon == player->logon);
    CHECK(play_wait(player) == 0);
}

bool play_exists(const struct play *play, const char *name, struct stat *status_r)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", play->base, name);
    return lstat(path, status_r) == 0;
}

void play_check_files(const struct play *play, uint16_t id, bool wanted)
{
    struct stat status;
    const struct group *group = getgrnam("daemon");
    char directory[64], port[64];
    snprintf(directory, sizeof(directory), "run/sessions/%u", id);
    snprintf(port, sizeof(port), "run/winstation/%u.port", id);
    CHECK(play_exists(play, directory, &status) == wanted);
    CHECK(!wanted || ((status.st_mode & 07777) == 0700 && status.st_uid == 0));
    CHECK(play_exists(play, port, &status) == wanted);
    CHECK(!wanted || ((status.st_mode & 07777) == 0660 && status.st_uid == 0 && group != NULL &&
                      status.st_gid == group->gr_gid));
}

/* The places a session mounts something on; anything new there would have leaked to the host. */
static unsigned host_mounts(const struct play *play)
{
    static const char *const places[] = {"/tmp",       "/home",      "/dev/shm",  "/dev/mqueue",
                                         "/proc",      "/run/user",  "/run/nscd", "/etc/passwd",
                                         "/etc/group", "/etc/shadow"};
    char line[1024], point[256];
    unsigned count = 0;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file) != NULL) {
        CHECK(sscanf(line, "%*s %*s %*s %*s %255s", point) == 1);
        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
            count += strcmp(point, places[i]) == 0;
        count += strncmp(point, play->base, strlen(play->base)) == 0;
    }
    fclose(file);
    return count;
}

/* One session from logon to logoff. */
void play_session(const struct play *play, const char *user, uint16_t width)
{
    unsigned before = host_mounts(play);
    struct player player = play_logon(play, 7, user);
    play_create(play, &player, 1, width);
    play_expect_state(&player, 1, SM_SESSION_UP, user);
    play_wait_cgroup(play, "session-1", true);
    play_check_files(play, 1, true);
    CHECK(host_mounts(play) == before);
    play_end(&player, 1, 1000);
    play_expect_ended(&player, 1, REASON_LOGOFF_ADMIN);
    play_wait_cgroup(play, "session-1", false);
    play_check_files(play, 1, false);
    CHECK(host_mounts(play) == before);
}
