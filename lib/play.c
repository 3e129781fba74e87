#include "lib/play.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/packet.h"
#include "tests/check.h"

#define WAIT_MS 60000

void play_place_make(struct play_place *place_r)
{
    *place_r = (struct play_place){.folder = "/tmp/lodge-play-XXXXXX"};
    CHECK(mkdtemp(place_r->folder) != NULL && chmod(place_r->folder, 0755) == 0);
    snprintf(place_r->config, sizeof(place_r->config), "%s/lodge.conf", place_r->folder);
    snprintf(place_r->ports, sizeof(place_r->ports), "%s/ports", place_r->folder);
    snprintf(place_r->port, sizeof(place_r->port), "%s/%s", place_r->folder, LSM_PORT_NAME);
    FILE *out = fopen(place_r->config, "w");
    CHECK(out != NULL);
    fprintf(out, "[Server]\nRunDirectory = %s\nStateDirectory = %s/state\n", place_r->folder,
            place_r->folder);
    CHECK(fclose(out) == 0 && mkdir(place_r->ports, 0755) == 0);
}

void play_place_remove(const struct play_place *place)
{
    CHECK(rmdir(place->ports) == 0 && unlink(place->config) == 0 && rmdir(place->folder) == 0);
}

static void serve_connection(int fd, play_answer *answer)
{
    bool open = true;
    while (open) {
        Lodge__Lsm__Request *request;
        int descriptor = -1;
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        CHECK(poll(&wait, 1, WAIT_MS) > 0);
        if (lsm_receive_request(fd, &request, &descriptor) <= 0)
            return;
        CHECK(descriptor < 0);
        open = answer(fd, request);
        lodge__lsm__request__free_unpacked(request, NULL);
    }
}

static _Noreturn void serve(int listener, play_answer *answer)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        struct pollfd wait = {.fd = listener, .events = POLLIN};
        CHECK(poll(&wait, 1, -1) > 0);
        int fd = packet_accept(listener);
        CHECK(fd >= 0);
        serve_connection(fd, answer);
        close(fd);
    }
}

pid_t play_start(const char *path, play_answer *answer)
{
    int listener = packet_listen(path, 0666);
    CHECK(listener >= 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        serve(listener, answer);
    close(listener);
    return pid;
}

void play_stop(pid_t pid, const char *path)
{
    int status;
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status)); /* not ended by a check before */
    CHECK(unlink(path) == 0);
}

bool play_send(int fd, const Lodge__Lsm__Request *request, Lodge__Lsm__Answer *answer)
{
    answer->serial = request->serial;
    CHECK(lsm_send_answer(fd, answer, -1) == 0);
    return true;
}

bool play_refuse(int fd, const Lodge__Lsm__Request *request, uint32_t reason, const char *detail)
{
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    answer.reason = reason;
    answer.detail = (char *)detail;
    return play_send(fd, request, &answer);
}
