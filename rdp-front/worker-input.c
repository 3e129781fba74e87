#include <freerdp/input.h>

#include "rdp-front/worker-state.h"

static struct worker *worker_of(const rdpInput *input)
{
    return input->context->peer->ContextExtra;
}

/* Input goes to the session, to the screen of Lodge's own, or ends a notice. */
static bool to_session(const struct worker *worker)
{
    return worker->stage == STAGE_ATTACHED;
}

static bool to_screen(const struct worker *worker)
{
    return worker->stage == STAGE_LOGON_SCREEN || worker->stage == STAGE_ASKING;
}

static unsigned key_flags(UINT16 flags)
{
    unsigned bits = flags & KBD_FLAGS_RELEASE ? 0 : WINSTATION_KEY_DOWN;
    if (flags & KBD_FLAGS_EXTENDED)
        bits |= WINSTATION_KEY_EXTENDED;
    if (flags & KBD_FLAGS_EXTENDED1)
        bits |= WINSTATION_KEY_EXTENDED1;
    return bits;
}

static BOOL on_key(rdpInput *input, UINT16 flags, UINT8 code)
{
    struct worker *worker = worker_of(input);
    unsigned bits = key_flags(flags);
    struct channel *channel = shadow_input(worker);
    if (to_session(worker) && (shadow_is_hotkey(worker, bits, code) || channel == NULL))
        return TRUE;
    if (to_session(worker))
        channel_key(channel, bits, code);
    else if (to_screen(worker))
        screen_key(worker->screen, bits, code);
    else if (bits & WINSTATION_KEY_DOWN)
        worker_notice_read(worker);
    return TRUE;
}

static BOOL on_unicode(rdpInput *input, UINT16 flags, UINT16 code)
{
    struct worker *worker = worker_of(input);
    bool down = !(flags & KBD_FLAGS_RELEASE);
    struct channel *channel = shadow_input(worker);
    if (to_session(worker) && channel != NULL)
        channel_text(channel, down, code);
    else if (to_screen(worker))
        screen_text(worker->screen, down, code);
    else if (down)
        worker_notice_read(worker);
    return TRUE;
}

static void mouse_changed(struct worker *worker, uint8_t before, int wheel, int horizontal_wheel)
{
    struct channel *channel = shadow_input(worker);
    if (to_session(worker) && channel != NULL)
        channel_mouse(channel, wheel, horizontal_wheel);
    else if (to_screen(worker))
        screen_mouse(worker->screen, worker->mouse_x, worker->mouse_y, worker->buttons);
    else if (worker->buttons & ~before)
        worker_notice_read(worker);
}

/* Nine bits, two's complement, of [MS-RDPBCGR] 2.2.8.1.1.3.1.1.3. */
static int rotation_of(UINT16 flags)
{
    int rotation = flags & WheelRotationMask;
    return rotation & PTR_FLAGS_WHEEL_NEGATIVE ? rotation - 0x200 : rotation;
}

static void press(struct worker *worker, bool down, uint8_t buttons)
{
    if (down)
        worker->buttons |= buttons;
    else
        worker->buttons &= (uint8_t)~buttons;
}

static BOOL on_mouse(rdpInput *input, UINT16 flags, UINT16 x, UINT16 y)
{
    struct worker *worker = worker_of(input);
    uint8_t before = worker->buttons, buttons = 0;
    if (flags & (PTR_FLAGS_WHEEL | PTR_FLAGS_HWHEEL)) { /* clients leave the position out of these */
        int rotation = rotation_of(flags);
        mouse_changed(worker, before, flags & PTR_FLAGS_WHEEL ? rotation : 0,
                      flags & PTR_FLAGS_WHEEL ? 0 : rotation);
        return TRUE;
    }
    worker->mouse_x = x;
    worker->mouse_y = y;
    if (flags & PTR_FLAGS_BUTTON1)
        buttons |= WINSTATION_LEFT;
    if (flags & PTR_FLAGS_BUTTON2)
        buttons |= WINSTATION_RIGHT;
    if (flags & PTR_FLAGS_BUTTON3)
        buttons |= WINSTATION_MIDDLE;
    press(worker, flags & PTR_FLAGS_DOWN, buttons);
    mouse_changed(worker, before, 0, 0);
    return TRUE;
}

static BOOL on_extended_mouse(rdpInput *input, UINT16 flags, UINT16 x, UINT16 y)
{
    struct worker *worker = worker_of(input);
    uint8_t before = worker->buttons, buttons = 0;
    worker->mouse_x = x;
    worker->mouse_y = y;
    if (flags & PTR_XFLAGS_BUTTON1)
        buttons |= WINSTATION_BACK;
    if (flags & PTR_XFLAGS_BUTTON2)
        buttons |= WINSTATION_FORWARD;
    press(worker, flags & PTR_XFLAGS_DOWN, buttons);
    mouse_changed(worker, before, 0, 0);
    return TRUE;
}

static BOOL on_synchronize(rdpInput *input, UINT32 flags)
{
    struct worker *worker = worker_of(input);
    unsigned locks = 0;
    if (flags & KBD_SYNC_SCROLL_LOCK)
        locks |= WINSTATION_SCROLL;
    if (flags & KBD_SYNC_NUM_LOCK)
        locks |= WINSTATION_NUM;
    if (flags & KBD_SYNC_CAPS_LOCK)
        locks |= WINSTATION_CAPS;
    worker->locks = (uint8_t)locks;
    struct channel *channel = shadow_input(worker);
    worker->shadow.held = 0;
    if (to_session(worker) && channel != NULL)
        channel_locks(channel, locks);
    else if (to_screen(worker))
        screen_locks(worker->screen, locks);
    return TRUE;
}

static BOOL on_focus(rdpInput *input, UINT16 locks)
{
    return on_synchronize(input, locks);
}

void input_open(struct worker *worker, rdpInput *input)
{
    (void)worker;
    input->KeyboardEvent = on_key;
    input->UnicodeKeyboardEvent = on_unicode;
    input->MouseEvent = on_mouse;
    input->ExtendedMouseEvent = on_extended_mouse;
    input->SynchronizeEvent = on_synchronize;
    input->FocusInEvent = on_focus;
}
