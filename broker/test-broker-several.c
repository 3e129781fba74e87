/* Users who may have several sessions; and what the process itself may do. */
#include <sys/wait.h>
#include <unistd.h>

#include "broker/harness.h"

static struct harness harness;
static union sm_body sm;
static union winstation_body winstation;

static void several_sessions_of_one_user(void)
{
    struct agent agents[2];
    struct attached attached[2], again;
    uint64_t serial;
    int one = lsm_connect_front(&harness), two = lsm_connect_front(&harness),
        three = lsm_connect_front(&harness);
    harness_log_on(&harness, one, 5001, 1, &agents[0], &attached[0]);
    harness_log_on(&harness, two, 5001, 2, &agents[1], &attached[1]);
    serial = lsm_ask_logon(&harness, three);
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    sm_tell_result(&harness, sm.logon_start.logon, REASON_NONE, 5001, "somebody");
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    CHECK(lsm_expect_reason(three, serial) == REASON_USER_LIMIT);

    /* the one that was left last is given back */
    close(one);
    lsm_await_state(&harness, 1, LODGE__LSM__STATE__DISCONNECTED);
    close(two);
    lsm_await_state(&harness, 2, LODGE__LSM__STATE__DISCONNECTED);
    serial = lsm_ask_logon(&harness, three);
    sm_expect(&harness, SM_LOGON_START, &sm, NULL);
    sm_tell_result(&harness, sm.logon_start.logon, REASON_NONE, 5001, "somebody");
    sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
    lsm_expect_attached(three, serial, &again);
    CHECK(again.session == 2 && again.reconnected);
    agent_expect(&agents[1], WINSTATION_DETACH, &winstation, NULL);
    agent_expect(&agents[1], WINSTATION_ATTACH, &winstation, NULL);
    close(three);
    agent_end(&harness, &agents[0]);
    agent_end(&harness, &agents[1]);
}

static void has_line(const char *text, const char *line)
{
    if (strstr(text, line) == NULL) {
        fprintf(stderr, "not in /proc/PID/status: %s\n%s\n", line, text);
        exit(1);
    }
}

static void the_broker_has_no_privilege(void)
{
    char path[64], line[128], text[8192] = "";
    snprintf(path, sizeof(path), "/proc/%d/status", (int)harness.broker);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    CHECK(fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    unsigned uid = harness.broker_uid, gid = harness.broker_gid;
    snprintf(line, sizeof(line), "\nUid:\t%u\t%u\t%u\t%u\n", uid, uid, uid, uid);
    has_line(text, line);
    snprintf(line, sizeof(line), "\nGid:\t%u\t%u\t%u\t%u\n", gid, gid, gid, gid);
    has_line(text, line);
    has_line(text, "\nGroups:\t \n");
    has_line(text, "\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
                   "CapBnd:\t0000000000000000\n");
    has_line(text, "\nNoNewPrivs:\t1\n");
}

/* The exit status of `lodge-broker --config FILE --check`. */
static int check_configuration(const char *more)
{
    char path[128], command[1400], program[512];
    snprintf(path, sizeof(path), "%s/checked.conf", harness.directory);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fprintf(file, "%s\n", more) > 0 && fclose(file) == 0);
    ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 1);
    CHECK(size > 0);
    program[size] = '\0';
    *strrchr(program, '/') = '\0';
    snprintf(command, sizeof(command), "'%s/lodge-broker' --config '%s' --check 2>/dev/null", program, path);
    int status = system(command);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void configurations_are_checked(void)
{
    CHECK(check_configuration("[Sessions]\nMaxSessions = 5") == 0);
    CHECK(check_configuration("[Sessions]\nMaxSessions = none") == 1);
    CHECK(check_configuration("[Server]\nBrokerUser = root") == 1);
    CHECK(check_configuration("[Server]\nFrontUser = lodge") == 1);
    CHECK(check_configuration("[Server]\nAdminGroup = no-such-group") == 1);
}

int main(void)
{
    harness_begin_with_broker(&harness, "SingleSessionPerUser = 0\nMaxSessionsPerUser = 2");
    several_sessions_of_one_user();
    the_broker_has_no_privilege();
    configurations_are_checked();
    harness_end(&harness);
    return 0;
}
