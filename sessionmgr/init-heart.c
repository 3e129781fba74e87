/* Hung processes of a session: the agent is started again, without an X server the session ends. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "common/log.h"
#include "sessionmgr/init.h"

/* Returns true, with the history told, when the process is hung. */
static bool is_hung(struct init *init, struct heartbeat *heart, const struct process *process,
                    const char *name)
{
    enum heartbeat_verdict verdict = heartbeat_look(heart, process->pid, init->hang_ms);
    if (verdict <= HEARTBEAT_WAIT)
        return false;
    event_tell(init, EVENT_HUNG, "%s %s, has not answered for %d s, and is killed", name,
               heartbeat_describe(verdict), (int)(init->hang_ms / 1000));
    return true;
}

static void look(void *context)
{
    struct init *init = context;
    if (init->phase != INIT_UP) {
        heart_forget(init);
        return;
    }
    if (is_hung(init, &init->agent_heart, &init->agent, "lodge-display")) {
        process_signal(&init->agent, SIGKILL);
        heart_forget(init);
    } else if (init->agent_heart.asked == 0 && is_hung(init, &init->x_heart, &init->x, init->run.x_server)) {
        snprintf(init->x_lines.last, sizeof(init->x_lines.last), "it had not answered for %d s",
                 (int)(init->hang_ms / 1000));
        process_signal(&init->x, SIGKILL);
        heart_forget(init);
    }
    if (init->agent_heart.asked != 0 || init->x_heart.asked != 0)
        loop_timer_set(init->loop, &init->heart_timer, init->hang_ms / 2);
}

void heart_init(struct init *init)
{
    init->heart_timer = (struct loop_timer){.expired = look, .context = init};
}

void heart_asked(struct init *init, unsigned seconds)
{
    struct sm_ping ping = {.seconds = (uint16_t)seconds};
    int failed =
        message_send(init->channel, &sm_protocol, SM_PONG, &(struct sm_pong){.who = SM_ALIVE_ITSELF}, -1);
    errno = -failed;
    if (failed)
        log_warning(NULL, "lodge-logon does not take PONG: %m");
    if (init->phase != INIT_UP || !init->agent_ready || seconds == 0 || init->x_heart.asked != 0 ||
        !heartbeat_ask(&init->agent_heart))
        return;
    heartbeat_ask(&init->x_heart);
    init->hang_ms = (int64_t)seconds * 1000;
    failed = message_send(init->agent_channel, &sm_protocol, SM_PING, &ping, -1);
    errno = -failed;
    if (failed)
        log_warning(NULL, "the display agent does not take PING: %m");
    loop_timer_set(init->loop, &init->heart_timer, init->hang_ms / 2);
}

void heart_answered(struct init *init, unsigned who)
{
    heartbeat_answered(who == SM_ALIVE_NEXT ? &init->x_heart : &init->agent_heart);
    if (init->agent_heart.asked == 0 && init->x_heart.asked == 0)
        loop_timer_stop(init->loop, &init->heart_timer);
}

void heart_forget(struct init *init)
{
    heartbeat_answered(&init->agent_heart);
    heartbeat_answered(&init->x_heart);
    loop_timer_stop(init->loop, &init->heart_timer);
}
