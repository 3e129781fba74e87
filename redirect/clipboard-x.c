#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/xfixes.h>

#include "common/clock.h"
#include "common/log.h"
#include "redirect/clipboard.h"

#define REQUEST_HEAD 64 /* bytes of a request that are not the property's, and some */

static const char *const atom_names[ATOM_PROPERTY] = {
    [ATOM_CLIPBOARD] = "CLIPBOARD",
    [ATOM_TARGETS] = "TARGETS",
    [ATOM_TIMESTAMP] = "TIMESTAMP",
    [ATOM_MULTIPLE] = "MULTIPLE",
    [ATOM_PAIR] = "ATOM_PAIR",
    [ATOM_INCR] = "INCR",
    [ATOM_TIME] = "LODGE_CLIPBOARD_TIME",
    [ATOM_SECRET] = "x-kde-passwordManagerHint",
};

static bool intern(struct clip *clip, const char *name, xcb_atom_t *atom_r)
{
    xcb_intern_atom_cookie_t cookie = xcb_intern_atom(clip->x, 0, (uint16_t)strlen(name), name);
    xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(clip->x, cookie, NULL);
    if (reply != NULL)
        *atom_r = reply->atom;
    free(reply);
    return reply != NULL;
}

static bool intern_all(struct clip *clip)
{
    bool good = true;
    for (size_t i = 0; i < ATOM_PROPERTY; i++)
        good = good && intern(clip, atom_names[i], &clip->atoms[i]);
    for (size_t i = 0; i < PROPERTIES; i++) {
        char name[] = "LODGE_CLIPBOARD_0";
        name[sizeof(name) - 2] = (char)('0' + i);
        good = good && intern(clip, name, &clip->atoms[ATOM_PROPERTY + i]);
    }
    for (size_t i = 0; i < CLIPBOARD_TARGETS; i++) {
        const struct clipboard_target *target = &clipboard_targets[i];
        good = good && intern(clip, target->name, &clip->targets[i]) &&
               intern(clip, target->type != NULL ? target->type : target->name, &clip->types[i]);
    }
    for (size_t i = 0; i < CLIPBOARD_SOURCES; i++)
        good = good && intern(clip, clipboard_sources[i].target, &clip->sources[i]);
    return good;
}

static void make_window(struct clip *clip, const xcb_screen_t *screen)
{
    uint32_t mask = XCB_EVENT_MASK_PROPERTY_CHANGE;
    clip->root = screen->root;
    clip->window = xcb_generate_id(clip->x);
    xcb_create_window(clip->x, XCB_COPY_FROM_PARENT, clip->window, clip->root, 0, 0, 1, 1, 0,
                      XCB_WINDOW_CLASS_INPUT_ONLY, XCB_COPY_FROM_PARENT, XCB_CW_EVENT_MASK, &mask);
}

/* Hears of each program that takes the clipboard, and of the one that has it now. */
static void watch(struct clip *clip)
{
    xcb_xfixes_select_selection_input(clip->x, clip->root, clip->atoms[ATOM_CLIPBOARD],
                                      XCB_XFIXES_SELECTION_EVENT_MASK_SET_SELECTION_OWNER |
                                          XCB_XFIXES_SELECTION_EVENT_MASK_SELECTION_WINDOW_DESTROY |
                                          XCB_XFIXES_SELECTION_EVENT_MASK_SELECTION_CLIENT_CLOSE);
    xcb_get_selection_owner_reply_t *reply = xcb_get_selection_owner_reply(
        clip->x, xcb_get_selection_owner(clip->x, clip->atoms[ATOM_CLIPBOARD]), NULL);
    if (reply != NULL && reply->owner != XCB_NONE)
        asker_on_owner(clip, reply->owner, true);
    free(reply);
}

const char *clip_open(struct clip *clip, uint32_t bits, int fd)
{
    clip->bits = bits;
    link_init(&clip->link, fd);
    clip->x = xcb_connect(NULL, NULL);
    if (xcb_connection_has_error(clip->x))
        return "there is no connection to the X server";
    const xcb_query_extension_reply_t *fixes = xcb_get_extension_data(clip->x, &xcb_xfixes_id);
    const xcb_screen_t *screen = xcb_setup_roots_iterator(xcb_get_setup(clip->x)).data;
    if (fixes == NULL || !fixes->present || screen == NULL)
        return "the X server lacks XFIXES";
    clip->fixes_event = fixes->first_event;
    xcb_xfixes_query_version_reply_t *version =
        xcb_xfixes_query_version_reply(clip->x, xcb_xfixes_query_version(clip->x, 5, 0), NULL);
    free(version);
    if (version == NULL || !intern_all(clip))
        return "the X server refused XFIXES or a name";
    size_t most = (size_t)xcb_get_maximum_request_length(clip->x) * 4 - REQUEST_HEAD;
    clip->piece = most < PIECE_MOST ? most : PIECE_MOST;
    make_window(clip, screen);
    if (bits & REDIRECT_CLIPBOARD_OUT)
        watch(clip);
    return NULL;
}

void clip_close(struct clip *clip)
{
    owner_finish(clip);
    asker_finish(clip);
    link_finish(&clip->link);
    xcb_disconnect(clip->x);
}

xcb_get_property_reply_t *clip_take_property(struct clip *clip, xcb_window_t window, xcb_atom_t property,
                                             size_t most)
{
    xcb_get_property_cookie_t cookie =
        xcb_get_property(clip->x, 1, window, property, XCB_ATOM_ANY, 0, (uint32_t)(most / 4));
    xcb_get_property_reply_t *reply = xcb_get_property_reply(clip->x, cookie, NULL);
    if (reply != NULL && reply->bytes_after == 0 && reply->type != XCB_ATOM_NONE)
        return reply;
    if (reply != NULL && reply->bytes_after > 0)
        xcb_delete_property(clip->x, window, property);
    free(reply);
    return NULL;
}

static void on_property(struct clip *clip, const xcb_property_notify_event_t *event)
{
    bool deleted = event->state == XCB_PROPERTY_DELETE;
    if (event->window != clip->window) {
        if (deleted)
            owner_on_taken(clip, event->window, event->atom);
    } else if (!deleted && event->atom == clip->atoms[ATOM_TIME]) {
        owner_on_time(clip, event->time);
    } else if (!deleted) {
        asker_on_piece(clip, event->atom);
    }
}

static void on_event(struct clip *clip, const xcb_generic_event_t *event)
{
    uint8_t type = event->response_type & 0x7F;
    if (type == XCB_PROPERTY_NOTIFY)
        on_property(clip, (const xcb_property_notify_event_t *)event);
    else if (type == XCB_SELECTION_REQUEST)
        owner_on_request(clip, (const xcb_selection_request_event_t *)event);
    else if (type == XCB_SELECTION_NOTIFY)
        asker_on_notify(clip, (const xcb_selection_notify_event_t *)event);
    else if (type == XCB_SELECTION_CLEAR)
        owner_on_clear(clip);
    else if (type == XCB_DESTROY_NOTIFY)
        owner_on_destroyed(clip, ((const xcb_destroy_notify_event_t *)event)->window);
    else if (type == clip->fixes_event + XCB_XFIXES_SELECTION_NOTIFY)
        asker_on_owner(clip, ((const xcb_xfixes_selection_notify_event_t *)event)->owner, false);
}

/* Handles what has come, and sends what that had requested: sending may read more. */
static void handle_events(struct clip *clip)
{
    xcb_generic_event_t *event = xcb_poll_for_event(clip->x);
    while (event != NULL) {
        on_event(clip, event);
        free(event);
        event = xcb_poll_for_event(clip->x);
        if (event == NULL) {
            xcb_flush(clip->x);
            event = xcb_poll_for_queued_event(clip->x);
        }
    }
}

static int wait_ms(const struct clip *clip)
{
    int64_t owner = owner_deadline(clip), asker = asker_deadline(clip), now = clock_monotonic_ms();
    int64_t next = owner < asker ? owner : asker;
    return next == NEVER ? -1 : next <= now ? 0 : (int)(next - now);
}

int clip_run(struct clip *clip, int end_fd)
{
    for (;;) {
        handle_events(clip);
        xcb_flush(clip->x);
        if (!link_flush(&clip->link))
            return 0;
        struct pollfd wait[3] = {{.fd = clip->link.fd, .events = POLLIN},
                                 {.fd = xcb_get_file_descriptor(clip->x), .events = POLLIN},
                                 {.fd = end_fd, .events = POLLIN}};
        if (link_waits(&clip->link))
            wait[0].events |= POLLOUT;
        xcb_generic_event_t *event = xcb_poll_for_queued_event(clip->x);
        if (event != NULL) {
            on_event(clip, event);
            free(event);
            continue;
        }
        if (xcb_connection_has_error(clip->x)) {
            log_error(NULL, "the X server has gone");
            return 1;
        }
        int ready = poll(wait, 3, wait_ms(clip));
        if (ready > 0 && (wait[2].revents != 0 || ((wait[0].revents & ~POLLOUT) != 0 && !link_read(clip))))
            return 0;
        int64_t now = clock_monotonic_ms();
        owner_on_deadline(clip, now);
        asker_on_deadline(clip, now);
        owner_reap(clip);
    }
}
