#include "display/manager.h"

#include <string.h>

#include "tests/check.h"

#define BLOCK(text) text, sizeof(text)

static void test_ids(void)
{
    struct manager manager;
    static const char both[] = "local/host:@/tmp/.ICE-unix/7,unix/host:/tmp/.ICE-unix/7";
    CHECK(manager_take_ids(both, strlen(both), &manager) && strcmp(manager.ids, both) == 0);
    static const char far[] = "tcp/elsewhere:4000,unix/host:/tmp/x,inet6/a:1,";
    CHECK(manager_take_ids(far, strlen(far), &manager) && strcmp(manager.ids, "unix/host:/tmp/x") == 0);
    CHECK(!manager_take_ids("tcp/elsewhere:4000", 18, &manager));
    CHECK(!manager_take_ids("", 0, &manager) && !manager_take_ids("unix/", 5, &manager));
    CHECK(!manager_take_ids("unix/a\nb", 8, &manager) && !manager_take_ids("unix/\0b", 7, &manager));
    char most[MANAGER_IDS_ROOM + 1];
    memset(most, 'a', sizeof(most));
    memcpy(most, "unix/", 5);
    CHECK(manager_take_ids(most, MANAGER_IDS_ROOM - 1, &manager) &&
          strlen(manager.ids) == MANAGER_IDS_ROOM - 1);
    CHECK(!manager_take_ids(most, MANAGER_IDS_ROOM, &manager));
}

static void test_environment(void)
{
    struct manager manager;
    CHECK(manager_take_environment(BLOCK("A=b\0DISPLAY=:0.0\0XAUTHORITY=/c\0SESSION_MANAGER=unix/h:/m"), ":0",
                                   "/c", &manager));
    CHECK(strcmp(manager.ids, "unix/h:/m") == 0 && manager.authority[0] == '\0');
    CHECK(manager_take_environment(BLOCK("DISPLAY=:0\0SESSION_MANAGER=unix/h:/m"), ":0", NULL, &manager));
    CHECK(manager_take_environment(
        BLOCK("ICEAUTHORITY=/run/ice\0SESSION_MANAGER=local/h:@m\0DISPLAY=:0\0XAUTHORITY=/c"), ":0", "/c",
        &manager));
    CHECK(strcmp(manager.ids, "local/h:@m") == 0 && strcmp(manager.authority, "/run/ice") == 0);
}

/* What is refused leaves what was found before. */
static void test_other_environments(void)
{
    struct manager manager = {.ids = "before"};
    CHECK(!manager_take_environment(BLOCK("DISPLAY=:01\0XAUTHORITY=/c\0SESSION_MANAGER=unix/h:/m"), ":0",
                                    "/c", &manager));
    CHECK(!manager_take_environment(BLOCK("DISPLAY=:0\0XAUTHORITY=/d\0SESSION_MANAGER=unix/h:/m"), ":0", "/c",
                                    &manager));
    CHECK(!manager_take_environment(BLOCK("DISPLAY=:0\0XAUTHORITY=/c\0XSESSION_MANAGER=unix/h:/m"), ":0",
                                    "/c", &manager));
    CHECK(!manager_take_environment(BLOCK("DISPLAY=:0\0XAUTHORITY=/c\0SESSION_MANAGER=tcp/h:1"), ":0", "/c",
                                    &manager));
    CHECK(!manager_take_environment(BLOCK("DISPLAY=:0\0SESSION_MANAGER=unix/h:/m"), ":0", "/c", &manager));
    CHECK(!manager_take_environment(BLOCK("DISPLAY=:0\0XAUTHORITY=/c\0SESSION_MANAGER=unix/h:/m"), ":0", NULL,
                                    &manager));
    CHECK(!manager_take_environment("", 0, ":0", "/c", &manager));
    /* Cut off, as the block is longer than what was read of it: the last value may not be all of it. */
    static const char cut[] = "DISPLAY=:0\0XAUTHORITY=/c\0SESSION_MANAGER=unix/h:/m";
    CHECK(!manager_take_environment(cut, sizeof(cut) - 1, ":0", "/c", &manager));
    CHECK(strcmp(manager.ids, "before") == 0);
}

int main(void)
{
    test_ids();
    test_environment();
    test_other_environments();
    return 0;
}
