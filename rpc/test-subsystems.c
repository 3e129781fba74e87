/* The subsystems of sessions: from the configuration to lodge-init, and what that must refuse. */
#include "rpc/subsystems.h"

#include "common/text.h"
#include "rpc/sm.h"
#include "tests/check.h"

static struct subsystem_line lines[SUBSYSTEMS_MOST];
static char error[512];

static int parse(const char *text)
{
    static char copy[SM_SUBSYSTEMS_ROOM];
    error[0] = '\0';
    CHECK(text_copy(copy, sizeof(copy), text));
    return subsystems_parse(copy, lines, error, sizeof(error));
}

static void refused(const char *text, const char *why)
{
    CHECK(parse(text) == -1);
    CHECK_TEXT(error, why);
}

static void set(struct conf_items *items, const char *name, const char *value)
{
    CHECK(conf_items_add(items, CONF_FREE_SUBSYSTEM, 1, name, value, error, sizeof(error)));
}

static void the_whole_way(void)
{
    struct conf_items items = {0};
    struct conf conf;
    char text[SM_SUBSYSTEMS_ROOM];
    conf_defaults(&conf);
    text_copy(conf.required_subsystems, sizeof(conf.required_subsystems), "late zero, MISSING early Late");
    text_copy(conf.optional_subsystems, sizeof(conf.optional_subsystems), "early other");
    set(&items, "late.Command", "exec  late \"x\"");
    set(&items, "late.When", "session");
    set(&items, "early.Command", "e");
    set(&items, "early.When", "session");
    set(&items, "early.Order", "7");
    set(&items, "early.Restarts", "0");
    set(&items, "early.Ready", "yes");
    set(&items, "zero.Command", "z");
    set(&items, "other.Command", "o");
    set(&items, "other.When", "session");
    CHECK(subsystems_encode(&conf, &items, text, sizeof(text), error, sizeof(error)));
    CHECK_TEXT(text, "early required 0 ready e\nlate required 5 - exec  late \"x\"\nother optional 5 - o\n");
    CHECK(parse(text) == 3);
    CHECK_TEXT(lines[0].name, "early");
    CHECK(lines[0].required && lines[0].tells_ready && lines[0].restarts == 0);
    CHECK_TEXT(lines[1].command, "exec  late \"x\"");
    CHECK(!lines[2].required && !lines[2].tells_ready && lines[2].restarts == 5);
    size_t length = strlen(text);
    CHECK(subsystems_encode(&conf, &items, text, length + 1, error, sizeof(error)));
    CHECK(!subsystems_encode(&conf, &items, text, length, error, sizeof(error)));
    CHECK(strstr(error, "take more than") != NULL);
    conf_items_free(&items);
}

static void what_is_refused(void)
{
    char many[SM_SUBSYSTEMS_ROOM] = "";
    CHECK(parse("") == 0 && parse("a optional 100 - x\n") == 1);
    refused("a optional 5 - x", "subsystem 1: its end is missing");
    refused("a optional 5 - x\nb", "subsystem 2: its end is missing");
    refused("\n", "subsystem 1: its name is none");
    refused(" optional 5 - x\n", "subsystem 1: its name is none");
    refused("a/b optional 5 - x\n", "subsystem 1: its name is none");
    refused("a234567890123456789012345 optional 5 - x\n", "subsystem 1: its name is none");
    refused("a\n", "subsystem 1: it is neither required nor optional");
    refused("a perhaps 5 - x\n", "subsystem 1: it is neither required nor optional");
    refused("a required\n", "subsystem 1: how often it may be started again is no such number");
    refused("a required 101 - x\n", "subsystem 1: how often it may be started again is no such number");
    refused("a required -1 - x\n", "subsystem 1: how often it may be started again is no such number");
    refused("a required 1\n", "subsystem 1: whether it tells that it is ready is not said");
    refused("a required 1  x\n", "subsystem 1: whether it tells that it is ready is not said");
    refused("a required 1 -\n", "subsystem 1: its command is none");
    refused("a required 1 - \n", "subsystem 1: its command is none");
    refused("a required 1 - x\033[2J\n", "subsystem 1: its command is none");
    refused("a required 1 - x\nA optional 1 - y\n", "subsystem 2: it is there twice");
    for (size_t i = 0, used = 0; i <= SUBSYSTEMS_MOST; i++) {
        CHECK(i < SUBSYSTEMS_MOST || parse(many) == SUBSYSTEMS_MOST);
        used += (size_t)snprintf(many + used, sizeof(many) - used, "s%zu optional 1 - x\n", i);
    }
    refused(many, "subsystem 33: there are too many");
}

int main(void)
{
    the_whole_way();
    what_is_refused();
    return 0;
}
