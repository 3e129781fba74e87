/* The table of events: names and ids are one to one, and everything has an answer. */
#include "common/event.h"

#include "tests/check.h"

static void test_names_are_unique(void)
{
#define CHECK_ROW(symbol, id, name, priority)     \
    CHECK(event_find(name) == EVENT_##symbol);    \
    CHECK_TEXT(event_name(EVENT_##symbol), name); \
    CHECK(event_priority(EVENT_##symbol) == (priority) && (priority) >= 0 && (priority) <= 7);
    EVENTS(CHECK_ROW)
#undef CHECK_ROW
}

static void test_unknown(void)
{
    CHECK_TEXT(event_name(0), "event");
    CHECK_TEXT(event_name(UINT32_MAX), "event");
    CHECK(event_find("") == 0);
    CHECK(event_find("no such event") == 0);
    CHECK(event_priority(4711) == 6);
}

static void test_levels(void)
{
    CHECK(event_level(EVENT_SERVICE_EXIT) == LOG_LEVEL_ERROR && event_level(EVENT_LOST) == LOG_LEVEL_WARNING);
    CHECK(event_level(EVENT_DRAIN) == LOG_LEVEL_INFO && event_level(4711) == LOG_LEVEL_INFO);
}

int main(void)
{
    test_names_are_unique();
    test_unknown();
    test_levels();
    return 0;
}
