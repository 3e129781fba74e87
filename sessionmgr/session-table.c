/* The states of sessions, and what each event does in them. */
#include "sessionmgr/session-table.h"

static const char *const state_names[] = {
    [SESSION_ORPHAN] = "orphan",   [SESSION_CREATING] = "creating", [SESSION_STARTING] = "starting",
    [SESSION_UP] = "up",           [SESSION_ENDING] = "ending",     [SESSION_CLOSED] = "closed",
    [SESSION_KILLING] = "killing", [SESSION_REMOVING] = "removing",
};
_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == SESSION_STATES, "each state has its name");

static const char *const event_names[] = {
    [SESSION_SAYS_STARTING] = "says-starting",
    [SESSION_SAYS_UP] = "says-up",
    [SESSION_SAYS_ENDING] = "says-ending",
    [SESSION_END_ASKED] = "end-asked",
    [SESSION_SAYS_ENDED] = "says-ended",
    [SESSION_LOGON_DIED] = "logon-died",
    [SESSION_LATE] = "late",
    [SESSION_EMPTY] = "empty",
};
_Static_assert(sizeof(event_names) / sizeof(event_names[0]) == SESSION_EVENTS, "each event has its name");

const char *session_state_name(enum session_state state)
{
    return state_names[state];
}

/* The next state and what is done on the way; what is not here is refused. A session that is being killed
 * takes no notice of what its logon still had to say. */
static const struct session_move moves[SESSION_STATES][SESSION_EVENTS] =
    {
        [SESSION_ORPHAN] =
            {
                [SESSION_SAYS_STARTING] = {SESSION_STARTING, SESSION_DO_TELL},
                [SESSION_SAYS_UP] = {SESSION_UP, SESSION_DO_TELL},
                [SESSION_SAYS_ENDING] = {SESSION_ENDING, SESSION_DO_TELL},
                [SESSION_LATE] = {SESSION_KILLING, SESSION_DO_KILL},
                [SESSION_END_ASKED] = {SESSION_ORPHAN, SESSION_DO_RELAY_END},
            },
        [SESSION_CREATING] =
            {
                [SESSION_SAYS_STARTING] = {SESSION_STARTING, SESSION_DO_NOTHING},
                [SESSION_SAYS_UP] = {SESSION_UP, SESSION_DO_TELL},
                [SESSION_SAYS_ENDING] = {SESSION_ENDING, SESSION_DO_TELL},
                [SESSION_END_ASKED] = {SESSION_ENDING, SESSION_DO_RELAY_END},
                [SESSION_SAYS_ENDED] = {SESSION_CLOSED, SESSION_DO_AWAIT_EXIT},
                [SESSION_LOGON_DIED] = {SESSION_KILLING, SESSION_DO_KILL},
                [SESSION_LATE] = {SESSION_KILLING, SESSION_DO_KILL},
            },
        [SESSION_STARTING] =
            {
                [SESSION_SAYS_STARTING] = {SESSION_STARTING, SESSION_DO_NOTHING},
                [SESSION_SAYS_UP] = {SESSION_UP, SESSION_DO_TELL},
                [SESSION_SAYS_ENDING] = {SESSION_ENDING, SESSION_DO_TELL},
                [SESSION_END_ASKED] = {SESSION_ENDING, SESSION_DO_RELAY_END},
                [SESSION_SAYS_ENDED] = {SESSION_CLOSED, SESSION_DO_AWAIT_EXIT},
                [SESSION_LOGON_DIED] = {SESSION_KILLING, SESSION_DO_KILL},
                [SESSION_LATE] = {SESSION_KILLING, SESSION_DO_KILL},
            },
        [SESSION_UP] =
            {
                [SESSION_SAYS_UP] = {SESSION_UP, SESSION_DO_NOTHING},
                [SESSION_SAYS_ENDING] = {SESSION_ENDING, SESSION_DO_TELL},
                [SESSION_END_ASKED] = {SESSION_ENDING, SESSION_DO_RELAY_END},
                [SESSION_SAYS_ENDED] = {SESSION_CLOSED, SESSION_DO_AWAIT_EXIT},
                [SESSION_LOGON_DIED] = {SESSION_KILLING, SESSION_DO_KILL},
            },
        [SESSION_ENDING] =
            {
                [SESSION_SAYS_STARTING] = {SESSION_ENDING, SESSION_DO_NOTHING},
                [SESSION_SAYS_UP] = {SESSION_ENDING, SESSION_DO_NOTHING},
                [SESSION_SAYS_ENDING] = {SESSION_ENDING, SESSION_DO_NOTHING},
                [SESSION_END_ASKED] = {SESSION_ENDING, SESSION_DO_RELAY_END},
                [SESSION_SAYS_ENDED] = {SESSION_CLOSED, SESSION_DO_AWAIT_EXIT},
                [SESSION_LOGON_DIED] = {SESSION_KILLING, SESSION_DO_KILL},
                [SESSION_LATE] = {SESSION_KILLING, SESSION_DO_KILL},
            },
        [SESSION_CLOSED] =
            {
                [SESSION_SAYS_ENDING] = {SESSION_CLOSED, SESSION_DO_NOTHING},
                [SESSION_END_ASKED] = {SESSION_CLOSED, SESSION_DO_NOTHING},
                [SESSION_SAYS_ENDED] = {SESSION_CLOSED, SESSION_DO_NOTHING},
                [SESSION_LOGON_DIED] = {SESSION_KILLING, SESSION_DO_KILL},
                [SESSION_LATE] = {SESSION_KILLING, SESSION_DO_KILL},
            },
        [SESSION_KILLING] =
            {
                [SESSION_SAYS_STARTING] = {SESSION_KILLING, SESSION_DO_NOTHING},
                [SESSION_SAYS_UP] = {SESSION_KILLING, SESSION_DO_NOTHING},
                [SESSION_SAYS_ENDING] = {SESSION_KILLING, SESSION_DO_NOTHING},
                [SESSION_END_ASKED] = {SESSION_KILLING, SESSION_DO_NOTHING},
                [SESSION_SAYS_ENDED] = {SESSION_KILLING, SESSION_DO_NOTHING},
                [SESSION_LOGON_DIED] = {SESSION_KILLING, SESSION_DO_LOOK},
                [SESSION_LATE] = {SESSION_KILLING, SESSION_DO_KILL},
                [SESSION_EMPTY] = {SESSION_REMOVING, SESSION_DO_REMOVE},
            },
        [SESSION_REMOVING] =
            {
                [SESSION_END_ASKED] = {SESSION_REMOVING, SESSION_DO_NOTHING},
                [SESSION_LOGON_DIED] = {SESSION_REMOVING, SESSION_DO_NOTHING},
                [SESSION_LATE] = {SESSION_REMOVING, SESSION_DO_REMOVE},
            },
};

bool session_move(enum session_state state, enum session_event event, struct session_move *move_r)
{
    if (moves[state][event].action == SESSION_DO_REFUSE)
        return false;
    *move_r = moves[state][event];
    return true;
}

const char *session_event_name(enum session_event event)
{
    return event_names[event];
}
