/* Names as people and clients write them. */
#include "logon/name.h"

#include <unistd.h>

#include "logon/environment.h"
#include "tests/check.h"

static bool is_known(void *context, const char *name)
{
    const char *const *known = context;
    for (; *known != NULL; known++)
        if (strcmp(*known, name) == 0)
            return true;
    return false;
}

static void test_acceptable(void)
{
    static const char *const good[] = {"ada", "Ada.Lovelace", "a@b", "X\\y", "J\xc3\xbcrgen", "a$"};
    static const char *const bad[] = {"",    ".",   "..",   "-rf",   "+x",  "a/b",
                                      "a:b", "a b", "a\nb", "a\x7f", "\xff"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        CHECK(name_is_acceptable(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!name_is_acceptable(bad[i]));
    char longest[300];
    memset(longest, 'a', sizeof(longest));
    longest[256] = '\0';
    CHECK(!name_is_acceptable(longest));
    longest[255] = '\0';
    CHECK(name_is_acceptable(longest));
}

static void test_reduce(void)
{
    static const char *known[] = {"ada", "LAB\\eve", "bob@lab", NULL};
    static const char *const cases[][2] = {
        {"ada", "ada"},
        {"LAB\\ada", "ada"},
        {"\\ada", "ada"},
        {".\\ada", "ada"},
        {"ada@lab.org", "ada"},
        {"nobody", "nobody"},
        {"LAB\\nobody", "nobody"},
        {"nobody@lab", "nobody@lab"},
        {"LAB\\eve", "LAB\\eve"},
        {"bob@lab", "bob@lab"},
        {"X\\bob@lab", "bob@lab"},
        {"@lab", "@lab"},
    };
    char name[256];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CHECK(name_reduce(cases[i][0], is_known, known, name, sizeof(name)));
        CHECK_TEXT(name, cases[i][1]);
    }
    static const char *const bad[] = {"", "LAB\\", "LAB\\-x", "LAB\\..", "a/b@c"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!name_reduce(bad[i], is_known, known, name, sizeof(name)) && name[0] == '\0');
}

static void test_locale(void)
{
    static const char text[] = "# LANG=no\nLANG=\"de_DE.UTF-8\"\nLANGUAGE=de:en\nLC_ALL=$(x)\nLC_CTYPE=";
    char value[32];
    CHECK(environment_locale(text, "LANG", value, sizeof(value)));
    CHECK_TEXT(value, "de_DE.UTF-8");
    CHECK(environment_locale(text, "LANGUAGE", value, sizeof(value)));
    CHECK_TEXT(value, "de:en");
    CHECK(!environment_locale(text, "LC_ALL", value, sizeof(value)));
    CHECK(!environment_locale(text, "LC_CTYPE", value, sizeof(value)));
    CHECK(!environment_locale(text, "LC_TIME", value, sizeof(value)));
    CHECK(!environment_locale(text, "LANG", value, 5));
}

static void test_unsafe_variables_are_dropped(void)
{
    static const char *const given[] = {"LD_PRELOAD=/home/x/evil.so", "LANG=C", "GCONV_PATH=/home/x",
                                        "ENVY=1", "GLIBC_TUNABLES=a=b"};
    char **environment = calloc(sizeof(given) / sizeof(given[0]) + 1, sizeof(environment[0]));
    CHECK(environment != NULL);
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
        environment[i] = strdup(given[i]);
    environment_drop_unsafe(environment);
    CHECK_TEXT(environment[0], "LANG=C");
    CHECK_TEXT(environment[1], "ENVY=1");
    CHECK(environment[2] == NULL);
    environment_free(environment);
}

/* What pam_systemd says is of the user's processes outside of the session. */
static void test_runtime_directory_is_the_sessions_own(void)
{
    static const char *const given[] = {"XDG_RUNTIME_DIR=/run/user/1000/elsewhere", "XDG_SESSION_ID=7",
                                        "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus"};
    char **environment = calloc(sizeof(given) / sizeof(given[0]) + 1, sizeof(environment[0]));
    CHECK(environment != NULL);
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
        environment[i] = strdup(given[i]);
    environment = environment_own_runtime(environment, 1000);
    CHECK_TEXT(environment_get(environment, "XDG_RUNTIME_DIR"), "/run/user/1000");
    CHECK_TEXT(environment_get(environment, "XDG_SESSION_ID"), "7");
    CHECK(environment_get(environment, "DBUS_SESSION_BUS_ADDRESS") == NULL);
    CHECK(environment[2] == NULL);
    environment_free(environment);
}

static void test_environment(void)
{
    struct identity identity = {.account = SM_ACCOUNT_LAB, .uid = 612345};
    char **environment = environment_make(NULL, &identity);
    CHECK(environment != NULL);
    CHECK_TEXT(environment_get(environment, "XDG_RUNTIME_DIR"), "/run/user/612345");
    CHECK(environment_get(environment, "PATH") != NULL);
    CHECK(environment_get(environment, "PAT") == NULL);
    environment_free(environment);
    /* The system's variables, as lodge-smss hands them down; what is not named stays out. */
    CHECK(setenv("LODGE_VARIABLES", "COMPANY PATH  MISSING", 1) == 0 && setenv("COMPANY", "a b", 1) == 0);
    CHECK(setenv("PATH", "/bin:/opt", 1) == 0 && setenv("OTHER", "x", 1) == 0);
    environment = environment_make(NULL, &identity);
    CHECK_TEXT(environment_get(environment, "COMPANY"), "a b");
    CHECK_TEXT(environment_get(environment, "PATH"), "/bin:/opt");
    CHECK(environment_get(environment, "OTHER") == NULL && environment_get(environment, "MISSING") == NULL);
    environment_free(environment);
}

int main(void)
{
    test_acceptable();
    test_reduce();
    test_locale();
    test_unsafe_variables_are_dropped();
    test_runtime_directory_is_the_sessions_own();
    test_environment();
    return 0;
}
