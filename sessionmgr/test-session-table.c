#include "sessionmgr/session-table.h"

#include "tests/check.h"

/* Follows the events from `state`; each must be allowed. */
static enum session_state walk(enum session_state state, const enum session_event *events, size_t count)
{
    struct session_move move;
    for (size_t i = 0; i < count; i++) {
        CHECK(session_move(state, events[i], &move));
        state = move.next;
    }
    return state;
}

#define WALK(state, ...)                                   \
    walk(state, (const enum session_event[]){__VA_ARGS__}, \
         sizeof((const enum session_event[]){__VA_ARGS__}) / sizeof(enum session_event))

static void lives_go_their_way(void)
{
    CHECK(WALK(SESSION_CREATING, SESSION_SAYS_STARTING, SESSION_SAYS_UP, SESSION_END_ASKED,
               SESSION_SAYS_ENDED, SESSION_LOGON_DIED, SESSION_EMPTY) == SESSION_REMOVING);
    CHECK(WALK(SESSION_ORPHAN, SESSION_SAYS_UP, SESSION_LOGON_DIED) == SESSION_KILLING);
    CHECK(WALK(SESSION_ORPHAN, SESSION_LATE, SESSION_EMPTY) == SESSION_REMOVING);
    CHECK(WALK(SESSION_UP, SESSION_END_ASKED, SESSION_SAYS_UP) == SESSION_ENDING);
    CHECK(WALK(SESSION_UP, SESSION_END_ASKED, SESSION_LATE, SESSION_LATE) == SESSION_KILLING);
}

static void the_end_is_reached_from_everywhere(void)
{
    struct session_move move;
    for (int state = 0; state < SESSION_KILLING; state++) {
        enum session_state at = (enum session_state)state;
        if (session_move(at, SESSION_END_ASKED, &move))
            at = move.next;
        CHECK(session_move(at, SESSION_LATE, &move) && move.next == SESSION_KILLING);
        CHECK(move.action == SESSION_DO_KILL);
    }
}

static void nothing_comes_back_from_the_end(void)
{
    struct session_move move;
    for (int event = 0; event < SESSION_EVENTS; event++) {
        if (session_move(SESSION_KILLING, (enum session_event)event, &move))
            CHECK(move.next >= SESSION_KILLING);
        if (session_move(SESSION_REMOVING, (enum session_event)event, &move))
            CHECK(move.next == SESSION_REMOVING);
        if (session_move(SESSION_CLOSED, (enum session_event)event, &move))
            CHECK(move.next >= SESSION_CLOSED);
    }
    CHECK(!session_move(SESSION_UP, SESSION_EMPTY, &move));
    CHECK(!session_move(SESSION_UP, SESSION_SAYS_STARTING, &move));
    CHECK(!session_move(SESSION_CLOSED, SESSION_SAYS_UP, &move));
}

static void all_have_names(void)
{
    for (int state = 0; state < SESSION_STATES; state++)
        CHECK(session_state_name((enum session_state)state)[0] != '\0');
    for (int event = 0; event < SESSION_EVENTS; event++)
        CHECK(session_event_name((enum session_event)event)[0] != '\0');
}

int main(void)
{
    lives_go_their_way();
    the_end_is_reached_from_everywhere();
    nothing_comes_back_from_the_end();
    all_have_names();
    return 0;
}
