#include "common/conf-items.h"

#include <stdio.h>

#include "common/conf.h"
#include "tests/check.h"

static const char path[] = "test-conf-items.conf";

static bool load(const char *text, struct conf_items *items_r, char *error, size_t size)
{
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    bool ok = conf_load_items(items_r, path, error, size);
    CHECK(remove(path) == 0);
    return ok;
}

static void refused(const char *text, const char *want)
{
    struct conf_items items = {0};
    char error[512] = "";
    CHECK(!load(text, &items, error, sizeof(error)));
    CHECK_TEXT(error, want);
    CHECK(items.items == NULL && items.count == 0);
}

static void test_refusals(void)
{
    char many[8192] = "[DosDevices]\n";
    refused("[Environment]\nA = 1\n\nA = 2", "test-conf-items.conf:4: A is set again; line 2 set it first");
    refused("[DosDevices]\nCOM1 = /a\n[Server]\n[dosdevices]\ncom1 = /b",
            "test-conf-items.conf:5: com1 is set again; line 2 set it first");
    refused("[Environment]\nLD_PRELOAD = /x.so",
            "test-conf-items.conf:2: LD_PRELOAD is refused: it would have programs of root's load, run or "
            "trust what they should not");
    static const char *const names[] = {"LD_AUDIT", "GCONV_PATH", "GLIBC_TUNABLES", "BASH_ENV", "ENV", "IFS"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char text[100], want[200];
        snprintf(text, sizeof(text), "[Environment]\n%s = 1", names[i]);
        snprintf(want, sizeof(want),
                 "test-conf-items.conf:2: %s is refused: it would have programs of root's load, run or "
                 "trust what they should not",
                 names[i]);
        refused(text, want);
    }
    refused("[Environment]\nHOME = /", "test-conf-items.conf:2: HOME is Lodge's to set, for each session");
    refused("[Environment]\n1A = 1", "test-conf-items.conf:2: \"1A\" is no name: 1 to 64 letters, digits and "
                                     "_, the first no digit");
    refused("[DosDevices]\n../x = /a", "test-conf-items.conf:2: \"../x\" is no name: 1 to 64 letters, digits "
                                       "and _, the first no digit");
    refused("[DosDevices]\nCOM1 = a/b", "test-conf-items.conf:2: COM1 is \"a/b\", but must be a path that "
                                        "starts with / or the name of a device");
    refused("[BootExecute]\nx =", "test-conf-items.conf:2: x is empty, but must be a command");
    refused("[Environment]\nA = \033", "test-conf-items.conf:2: A is \"\\x1b\", but must be printable text");
    refused("[Environment]\nnonsense",
            "test-conf-items.conf:2: \"nonsense\" is neither [section] nor key = value");
    for (int i = 0; i <= CONF_ITEMS_MAX; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many), "D%d = /dev/null\n", i);
    refused(many, "test-conf-items.conf:66: [DosDevices] has more than 64 lines");
}

static void test_items(void)
{
    struct conf_items items;
    char error[512] = "";
    CHECK(load("[Environment]\nA=1\na = 2\n[Boot]\nOnDosDevices = STOP\n[bootexecute]\nx = a = b \n"
               "[Listener]\nPort = 4000\n",
               &items, error, sizeof(error)));
    CHECK(items.count == 3);
    CHECK(items.items[2].section == CONF_FREE_BOOT_EXECUTE && items.items[2].line == 7);
    CHECK_TEXT(items.items[2].name, "x");
    CHECK_TEXT(items.items[2].value, "a = b");
    conf_items_free(&items);
    CHECK(items.count == 0);
}

static void test_subsystems(void)
{
    struct conf_items items;
    struct conf_subsystem one;
    char error[512] = "";
    CHECK(load(
        "[SubSystem a]\nCommand = x y\norder = 3\nCritical = yes\n[SubSystem b-2]\nCommand = z\nUser = u\n"
        "[SubSystem c]\nOrder = 1\n[Listener]\nPort = 4000\n",
        &items, error, sizeof(error)));
    CHECK(conf_subsystem_find(&items, "A", &one) && one.order == 3 && one.critical && !one.ready);
    CHECK_TEXT(one.command, "x y");
    CHECK(one.user == NULL && one.restarts == 5);
    CHECK(conf_subsystem_find(&items, "b-2", &one) && one.order == 100 && !one.critical);
    CHECK_TEXT(one.user, "u");
    CHECK(!conf_subsystem_find(&items, "c", &one) && !conf_subsystem_find(&items, "d", &one));
    CHECK(!conf_subsystem_find(&items, "b", &one));
    conf_items_free(&items);
    refused("[SubSystem]\n", "test-conf-items.conf:1: there is no section \"SubSystem\"");
    refused("[SubSystem a.b]\n",
            "test-conf-items.conf:1: the name of a subsystem has 1 to 24 letters, digits, _ and -");
    refused("[SubSystem a]\nCommand = x\n[SubSystem A]\ncommand = y\n",
            "test-conf-items.conf:4: A.command is set again; line 2 set it first");
    refused("[SubSystem a]\nNothing = 1\n",
            "test-conf-items.conf:2: there is no key \"Nothing\" in a section [SubSystem]");
    refused("[SubSystem a]\nOrder = 1001\n",
            "test-conf-items.conf:2: Order is \"1001\", but must be a number from 0 to 1000");
    refused("[SubSystem a]\nReady = perhaps\n",
            "test-conf-items.conf:2: Ready is \"perhaps\", but must be a number from 0 to 1");
    refused("[SubSystem a]\nCommand =\n", "test-conf-items.conf:2: Command is empty");
}

/* However they are written, the line with which they take too much is named. */
static void test_room_of_sessions(void)
{
    char text[3 * CONF_SUBSYSTEMS_ROOM], want[160], error[512];
    struct conf_items items;
    int used = 0;
    /* 1 byte, and with 8 commands of 1000 bytes 8 * (2 + 21 + 1000): 8185 with the NUL. */
    for (int i = 0; i < 8; i++)
        used += snprintf(text + used, sizeof(text) - (size_t)used, "[SubSystem s%d]\n%sCommand = %01000d\n%s",
                         i, i % 2 ? "When = session\n" : "", 1, i % 2 ? "" : "When = session\n");
    CHECK(load(text, &items, error, sizeof(error)) && items.count == 16);
    conf_items_free(&items);
    used += snprintf(text + used, sizeof(text) - (size_t)used, "[SubSystem x]\nCommand = other\n");
    CHECK(load(text, &items, error, sizeof(error))); /* of session 0 */
    conf_items_free(&items);
    snprintf(text + used, sizeof(text) - (size_t)used, "When = session\n");
    snprintf(want, sizeof(want),
             "test-conf-items.conf:27: with this line the subsystems with When = session take %d bytes, more "
             "than %d",
             8185 + 27, CONF_SUBSYSTEMS_ROOM);
    refused(text, want);
}

static void test_subsystems_of_sessions(void)
{
    struct conf_items items;
    struct conf_subsystem one;
    char error[512] = "";
    CHECK(load("[SubSystem a]\nCommand = x\nWhen = Session\n[SubSystem b]\nWhen = session0\nUser = u\n"
               "Critical = yes\nCommand = y\n[SubSystem c]\nCommand = z\n[Listener]\nPort = 4000\n",
               &items, error, sizeof(error)));
    CHECK(conf_subsystem_find(&items, "a", &one) && one.in_sessions && one.user == NULL && !one.critical);
    CHECK(conf_subsystem_find(&items, "b", &one) && !one.in_sessions && one.critical);
    CHECK_TEXT(one.user, "u");
    CHECK(conf_subsystem_find(&items, "c", &one) && !one.in_sessions);
    conf_items_free(&items);
    test_room_of_sessions();
    refused("[SubSystem a]\nWhen = 1\n",
            "test-conf-items.conf:2: When is \"1\", but must be session0 or session");
    refused("[SubSystem a]\nUser = u\n[SubSystem b]\nUser = u\n[SubSystem A]\nwhen = session\n",
            "test-conf-items.conf:6: User is not for When = session");
    refused("[SubSystem a]\nWhen = session\nuser = root\n",
            "test-conf-items.conf:3: User is not for When = session");
    refused("[SubSystem a]\nWhen = session\nCritical = no\n",
            "test-conf-items.conf:3: Critical is not for When = session");
}

static void test_environment(void)
{
    struct conf_items items;
    char error[512] = "";
    char *base[] = {(char *)"PATH=/bin", (char *)"A=old", NULL};
    CHECK(load("[Environment]\nA = x%B%\nB = %A%-%PATH%-%NONE%.\nC = 100%% %B% 5%\nPATH = %PATH%:/opt\n",
               &items, error, sizeof(error)));
    char **environment = conf_environment(&items, base);
    CHECK(environment != NULL);
    CHECK_TEXT(environment[0], "A=x");
    CHECK_TEXT(environment[1], "B=x-/bin-.");
    CHECK_TEXT(environment[2], "C=100% x-/bin-. 5%");
    CHECK_TEXT(environment[3], "PATH=/bin:/opt");
    CHECK(environment[4] == NULL);
    char **merged = conf_environment_merge(base, environment);
    CHECK(merged != NULL && merged[4] == NULL);
    CHECK_TEXT(merged[0], "A=x");
    CHECK_TEXT(merged[3], "PATH=/bin:/opt");
    conf_environment_free(merged);
    merged = conf_environment_merge(NULL, NULL);
    CHECK(merged != NULL && merged[0] == NULL);
    conf_environment_free(merged);
    conf_environment_free(environment);
    unsigned count = 0;
    environment = conf_environment_full(&items, base, &count);
    CHECK(environment != NULL && count == 4 && environment[5] == NULL);
    CHECK_TEXT(environment[0], "A=x");
    CHECK_TEXT(environment[4], "LODGE_VARIABLES=A B C PATH");
    conf_environment_free(environment);
    conf_items_free(&items);
}

/* What a variable grows to is bounded: the rest is cut. */
static void test_growth(void)
{
    char text[4096] = "[Environment]\nA0 = 0123456789\n", error[512] = "";
    struct conf_items items;
    for (int i = 1; i < 40; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "A%d = %%A%d%%%%A%d%%\n", i, i - 1, i - 1);
    CHECK(load(text, &items, error, sizeof(error)));
    char **environment = conf_environment(&items, NULL);
    CHECK(environment != NULL && strlen(environment[39]) == 4095);
    CHECK(strncmp(environment[1], "A1=01234567890123456789", 24) == 0);
    conf_environment_free(environment);
    conf_items_free(&items);
}

static void test_answers(void)
{
    struct conf conf;
    char error[512] = "";
    static const char good[] = "[Boot]\nOnBootExecute = Stop", bad[] = "[Boot]\nOnBootExecute = 2";
    conf_defaults(&conf);
    CHECK(conf.on_execute == CONF_DEGRADED && conf.on_paging == CONF_IGNORE);
    CHECK(conf_parse(&conf, "f", good, strlen(good), error, sizeof(error)) && conf.on_execute == CONF_STOP);
    CHECK(!conf_parse(&conf, "f", bad, strlen(bad), error, sizeof(error)));
    CHECK_TEXT(error, "f:2: OnBootExecute is \"2\", but must be ignore, degraded or stop");
}

int main(void)
{
    test_refusals();
    test_items();
    test_environment();
    test_subsystems();
    test_subsystems_of_sessions();
    test_growth();
    test_answers();
    return 0;
}
