#include "ctl/commands.h"

#define JSON CTL_BIT(JSON)

const struct ctl_command ctl_commands[] = {
    {"list", CTL_OPERAND_NONE, JSON, 0, false, "lists the sessions that there are", ctl_list},
    {"show", CTL_OPERAND_ID, JSON, 0, false, "shows all that is known of one session", ctl_show},
    {"disconnect", CTL_OPERAND_ID, 0, 0, false, "sends the client away; the session goes on without one",
     ctl_disconnect},
    {"logoff", CTL_OPERAND_ID, 0, 0, false, "ends a session: its programs are asked to close, then killed",
     ctl_logoff},
    {"events", CTL_OPERAND_NONE, JSON | CTL_BIT(COUNT), 0, false, "shows the last events", ctl_events},
    {"watch", CTL_OPERAND_NONE, JSON, 0, false, "follows what happens to sessions", ctl_watch},
    {"wait", CTL_OPERAND_SESSION, CTL_BIT(STATE) | CTL_BIT(TIMEOUT), 0, false,
     "waits until a session, or one of a user, is in a state", ctl_wait},
    {"msg", CTL_OPERAND_MESSAGE, CTL_BIT(TIMEOUT) | CTL_BIT(TITLE) | CTL_BIT(WAIT), 0, false,
     "shows a message to the person of a session", ctl_msg},
    {"version", CTL_OPERAND_NONE, JSON, 0, false, "shows the versions of lodgectl and of the server",
     ctl_version},
    {"ping", CTL_OPERAND_NONE, 0, 0, false, "asks the server whether it answers", ctl_ping},
    {"drain", CTL_OPERAND_MODE, JSON, 0, false,
     "shows or sets whether new sessions are made: off, reconnects or until-restart", ctl_drain},
    {"account add", CTL_OPERAND_NAME,
     CTL_BIT(THROWAWAY) | CTL_BIT(FULL_NAME) | CTL_BIT(EXPIRES) | CTL_BIT(PASSWORD_STDIN), 0, true,
     "adds a lab account", ctl_account_add},
    {"account remove", CTL_OPERAND_NAME, CTL_BIT(HOME), 0, true, "removes a lab account", ctl_account_remove},
    {"account passwd", CTL_OPERAND_NAME, CTL_BIT(PASSWORD_STDIN), 0, true,
     "sets the password of a lab account", ctl_account_passwd},
    {"account lock", CTL_OPERAND_NAME, 0, 0, true, "lets a lab account log on no more", ctl_account_lock},
    {"account unlock", CTL_OPERAND_NAME, 0, 0, true, "lets a locked lab account log on again",
     ctl_account_unlock},
    {"account expire", CTL_OPERAND_NAME, CTL_BIT(EXPIRES), CTL_BIT(EXPIRES), true,
     "sets the day from which a lab account may log on no more", ctl_account_expire},
    {"account list", CTL_OPERAND_NONE, JSON, 0, true, "lists the lab accounts", ctl_account_list},
};
const size_t ctl_command_count = sizeof(ctl_commands) / sizeof(ctl_commands[0]);
