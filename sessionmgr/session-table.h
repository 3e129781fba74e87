/* The table of session states, by itself for its test. */
#pragma once

#include "sessionmgr/smss.h"

enum session_action {
    SESSION_DO_REFUSE,
    SESSION_DO_NOTHING,
    SESSION_DO_TELL,
    SESSION_DO_RELAY_END,
    SESSION_DO_AWAIT_EXIT,
    SESSION_DO_KILL,
    SESSION_DO_LOOK,
    SESSION_DO_REMOVE,
    SESSION_ACTIONS,
};

struct session_move {
    enum session_state next;
    enum session_action action;
};

/* What an event does in a state. Returns false when it is refused there. */
bool session_move(enum session_state state, enum session_event event, struct session_move *move_r);
const char *session_state_name(enum session_state state);
const char *session_event_name(enum session_event event);
