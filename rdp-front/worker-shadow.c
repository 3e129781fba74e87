/* Shadowing: the client is shown another session instead of its own, until the broker, that session's agent
 * or the person's hot key ends it. The own session keeps its channel meanwhile, which is told that nothing is
 * shown for now, so that it comes back as it was. */
#include <winpr/input.h>

#include "common/log.h"
#include "rdp-front/worker-state.h"

#define EXTENDED        0x100u
#define KEYPAD_MULTIPLY 0x37

/* Modifiers, as in ShadowChannel. */
enum { SHIFT = 1, CTRL = 2, ALT = 4 };

static unsigned modifier_of(unsigned scancode)
{
    static const struct {
        uint8_t scancode, modifier;
    } keys[] = {{0x2A, SHIFT}, {0x36, SHIFT}, {0x1D, CTRL}, {0x38, ALT}};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (keys[i].scancode == (scancode & 0xFF))
            return keys[i].modifier;
    }
    return 0;
}

bool shadow_is_hotkey(struct worker *worker, unsigned flags, unsigned scancode)
{
    struct shadow *shadow = &worker->shadow;
    bool down = (flags & WINSTATION_KEY_DOWN) != 0;
    if (shadow->channel.fd < 0)
        return false;
    unsigned modifier = modifier_of(scancode);
    shadow->held = down ? shadow->held | modifier : shadow->held & ~modifier;
    unsigned code = scancode | ((flags & WINSTATION_KEY_EXTENDED) != 0 ? EXTENDED : 0);
    if (!down || code != shadow->hotkey.scancode || shadow->held != shadow->hotkey.modifiers)
        return false;
    shadow_over(worker, "by the person's hot key");
    return true;
}

struct channel *shadow_input(struct worker *worker)
{
    struct shadow *shadow = &worker->shadow;
    if (shadow->channel.fd < 0)
        return &worker->channel;
    return shadow->control ? &shadow->channel : NULL;
}

/* The own session is put aside: nothing of it is shown, and no key or button stays down there. */
static void put_aside(struct worker *worker)
{
    if (worker->buttons != 0) {
        worker->buttons = 0;
        channel_mouse(&worker->channel, 0, 0);
    }
    channel_locks(&worker->channel, worker->locks);
    channel_suppress(&worker->channel, true);
    channel_frame_done(&worker->channel);
}

/* A key that no keyboard has would leave the person without a way back. */
static void take_hotkey(struct shadow *shadow, const Lodge__Lsm__ShadowChannel *told)
{
    uint32_t code = GetVirtualScanCodeFromVirtualKeyCode(told->hotkey, WINPR_KBD_TYPE_IBM_ENHANCED);
    bool known = (code & 0xFF) != 0;
    shadow->hotkey.scancode = known ? code & (EXTENDED | 0xFF) : KEYPAD_MULTIPLY;
    shadow->hotkey.modifiers = known ? told->modifiers : CTRL;
}

static void begin(struct worker *worker, const Lodge__Lsm__ShadowChannel *told, int fd)
{
    struct shadow *shadow = &worker->shadow;
    shadow_over(worker, "for another one");
    put_aside(worker);
    shadow->session = told->session;
    shadow->viewer = told->viewer;
    shadow->control = told->control;
    take_hotkey(shadow, told);
    shadow->held = 0;
    channel_open(&shadow->channel, fd);
    log_info(worker->facts.address, "session %u is shown instead of session %u%s", shadow->session,
             worker->session, shadow->control ? ", with control" : "");
}

/* The client sees its own session again. False: it did already. */
static bool come_back(struct worker *worker, const char *why)
{
    struct shadow *shadow = &worker->shadow;
    if (shadow->channel.fd < 0)
        return false;
    log_info(worker->facts.address, "session %u is shown no more: %s", shadow->session, why);
    channel_close(&shadow->channel);
    worker->buttons = 0;
    channel_locks(&worker->channel, worker->locks);
    if (!worker->suppressed)
        channel_suppress(&worker->channel, false);
    channel_draw(&worker->channel);
    channel_finish(&shadow->channel);
    shadow->serial = 0;
    return true;
}

void shadow_over(struct worker *worker, const char *why)
{
    if (come_back(worker, why))
        shadow_listen(worker);
}

void shadow_listen(struct worker *worker)
{
    struct shadow *shadow = &worker->shadow;
    if (shadow->serial == 0)
        broker_ask_shadow(worker, shadow->viewer, shadow->session, &shadow->serial);
}

void shadow_broker_lost(struct worker *worker)
{
    worker->shadow.serial = 0;
    shadow_over(worker, "the broker is away");
}

void shadow_take(struct worker *worker, const Lodge__Lsm__Answer *answer, int *fd)
{
    const Lodge__Lsm__ShadowChannel *told = answer->shadow_channel;
    if (answer->result_case != LODGE__LSM__ANSWER__RESULT_SHADOW_CHANNEL || worker->stage != STAGE_ATTACHED)
        return;
    if (told->session != 0 && *fd >= 0) {
        begin(worker, told, *fd);
        *fd = -1;
    } else if (told->session == 0 && told->viewer != 0 && told->viewer == worker->shadow.viewer) {
        bool was_shown = come_back(worker, reason_name(answer->reason));
        worker->shadow.viewer = 0; /* this broker knows: the next need not be told */
        worker->shadow.session = 0;
        if (was_shown)
            shadow_listen(worker);
    }
}
