/* A program of the session has the clipboard: the client is told what kinds there are, and has data asked for
 * when it pastes. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "redirect/clipboard.h"

#define ROOM_LEAST (64u << 10)

static xcb_atom_t next_property(struct clip *clip)
{
    return clip->atoms[ATOM_PROPERTY + clip->asker.turn++ % PROPERTIES];
}

static xcb_atom_t convert(struct clip *clip, xcb_atom_t target)
{
    xcb_atom_t property = next_property(clip);
    xcb_convert_selection(clip->x, clip->window, clip->atoms[ATOM_CLIPBOARD], target, property,
                          XCB_CURRENT_TIME);
    return property;
}

/* --- what kinds there are --- */

static void offer(struct clip *clip, uint32_t formats)
{
    link_send(&clip->link, CLIPBOARD_OFFER, 0, formats, clip->asker.early);
}

static void look(struct clip *clip)
{
    struct asker *asker = &clip->asker;
    asker->looking = true;
    asker->again = false;
    asker->property = convert(clip, clip->atoms[ATOM_TARGETS]);
    asker->deadline_ms = clock_monotonic_ms() + OWNER_WAIT_MS;
}

void asker_on_owner(struct clip *clip, xcb_window_t owner, bool early)
{
    struct asker *asker = &clip->asker;
    if (owner == clip->window)
        return;
    asker->early = early;
    asker->again = owner != XCB_NONE;
    if (owner == XCB_NONE) {
        asker->looking = false;
        asker->sources = 0;
        offer(clip, 0);
    } else if (!asker->looking) {
        look(clip);
    }
}

static void take_targets(struct clip *clip, const xcb_atom_t *atoms, size_t count)
{
    uint32_t formats = 0;
    for (size_t at = 0; at < count; at++) {
        for (size_t i = 0; i < CLIPBOARD_SOURCES; i++) {
            if (atoms[at] != clip->sources[i])
                continue;
            clip->asker.sources |= 1U << i;
            formats |= clipboard_sources[i].format;
        }
    }
    for (size_t at = 0; at < count && formats != 0; at++)
        formats |= atoms[at] == clip->atoms[ATOM_SECRET] ? CLIPBOARD_SECRET : 0;
    offer(clip, formats);
}

/* `property`: where the targets are; NONE: the program told none. */
static void looked(struct clip *clip, xcb_atom_t property)
{
    xcb_get_property_reply_t *reply = NULL;
    clip->asker.looking = false;
    clip->asker.sources = 0;
    if (property != XCB_ATOM_NONE)
        reply = clip_take_property(clip, clip->window, property, REDIRECT_PACKET_MAX);
    if (clip->asker.again) { /* they were another program's */
        free(reply);
        look(clip);
        return;
    }
    size_t count = reply != NULL && reply->format == 32 ? reply->value_len : 0;
    take_targets(clip, reply != NULL ? xcb_get_property_value(reply) : NULL, count);
    free(reply);
}

/* --- the data --- */

static void asking_end(struct clip *clip)
{
    clipboard_data_wipe(&clip->asker.asking.data);
    clip->asker.asking = (struct asking){0};
}

static void fail(struct clip *clip, const char *why)
{
    if (why != NULL)
        log_warning(NULL, "%s", why);
    link_send(&clip->link, CLIPBOARD_FAIL, clip->asker.asking.serial, 0, false);
    asking_end(clip);
}

void asker_on_ask(struct clip *clip, const struct clipboard_packet *packet)
{
    struct asker *asker = &clip->asker;
    if (asker->asking.busy || clip->link.data.bytes != NULL) { /* the worker asks for one after the other */
        link_send(&clip->link, CLIPBOARD_FAIL, packet->serial, 0, false);
        return;
    }
    for (size_t i = 0; i < CLIPBOARD_SOURCES; i++) {
        if (clipboard_sources[i].format != packet->number || !(asker->sources & 1U << i))
            continue;
        asker->asking = (struct asking){.busy = true,
                                        .serial = packet->serial,
                                        .property = convert(clip, clip->sources[i]),
                                        .convert = clipboard_sources[i].convert,
                                        .deadline_ms = clock_monotonic_ms() + OWNER_WAIT_MS};
        return;
    }
    link_send(&clip->link, CLIPBOARD_FAIL, packet->serial, 0, false);
}

static void finish(struct clip *clip, const uint8_t *bytes, size_t size)
{
    struct asking *asking = &clip->asker.asking;
    struct clipboard_data made = {0};
    if (!asking->convert(bytes, size, &made)) {
        fail(clip, "what a program has copied cannot be made what the client asks for");
        return;
    }
    link_send_data(&clip->link, asking->serial, &made);
    asking_end(clip);
}

/* Wipes a reply as it frees it. */
static void free_reply(xcb_get_property_reply_t *reply)
{
    if (reply == NULL)
        return;
    explicit_bzero(xcb_get_property_value(reply), (size_t)xcb_get_property_value_length(reply));
    free(reply);
}

static void take_whole(struct clip *clip)
{
    struct asking *asking = &clip->asker.asking;
    xcb_get_property_reply_t *reply =
        clip_take_property(clip, clip->window, asking->property, CLIPBOARD_MOST);
    if (reply == NULL) {
        fail(clip, "a program's clipboard is empty, or more than 32 MiB");
    } else if (reply->type == clip->atoms[ATOM_INCR]) {
        asking->incremental = true;
        asking->deadline_ms = clock_monotonic_ms() + OWNER_WAIT_MS;
    } else if (reply->format != 8) {
        fail(clip, "a program's clipboard has no bytes");
    } else {
        finish(clip, xcb_get_property_value(reply), (size_t)xcb_get_property_value_length(reply));
    }
    free_reply(reply);
}

/* Makes room for `more` bytes. The old place is wiped. */
static bool grow(struct clipboard_data *data, size_t more)
{
    struct clipboard_data larger;
    size_t room = data->total > 0 ? data->total : ROOM_LEAST;
    if (data->bytes != NULL && more <= data->total - data->used)
        return true;
    while (room < data->used + more)
        room *= 2;
    if (data->used + more > CLIPBOARD_MOST ||
        !clipboard_data_begin(&larger, room < CLIPBOARD_MOST ? room : CLIPBOARD_MOST))
        return false;
    if (data->bytes != NULL)
        memcpy(larger.bytes, data->bytes, data->used);
    larger.used = data->used;
    clipboard_data_wipe(data);
    *data = larger;
    return true;
}

void asker_on_piece(struct clip *clip, xcb_atom_t property)
{
    struct asking *asking = &clip->asker.asking;
    if (!asking->incremental || property != asking->property)
        return;
    xcb_get_property_reply_t *reply = clip_take_property(clip, clip->window, property, CLIPBOARD_MOST);
    size_t size = reply != NULL ? (size_t)xcb_get_property_value_length(reply) : 0;
    if (reply == NULL || (size > 0 && reply->format != 8) || !grow(&asking->data, size)) {
        fail(clip, "a program's clipboard is broken, or more than 32 MiB");
    } else if (size == 0) {
        finish(clip, asking->data.bytes, asking->data.used);
    } else {
        memcpy(asking->data.bytes + asking->data.used, xcb_get_property_value(reply), size);
        asking->data.used += size;
        asking->deadline_ms = clock_monotonic_ms() + OWNER_WAIT_MS;
    }
    free_reply(reply);
}

void asker_on_notify(struct clip *clip, const xcb_selection_notify_event_t *event)
{
    struct asker *asker = &clip->asker;
    bool targets = event->target == clip->atoms[ATOM_TARGETS];
    if (event->selection != clip->atoms[ATOM_CLIPBOARD])
        return;
    if (targets && asker->looking && (event->property == asker->property || event->property == XCB_ATOM_NONE))
        looked(clip, event->property);
    else if (!targets && asker->asking.busy && event->property == asker->asking.property)
        take_whole(clip);
    else if (!targets && asker->asking.busy && event->property == XCB_ATOM_NONE && !asker->asking.incremental)
        fail(clip, NULL);
}

int64_t asker_deadline(const struct clip *clip)
{
    const struct asker *asker = &clip->asker;
    int64_t looking = asker->looking ? asker->deadline_ms : NEVER;
    int64_t asking = asker->asking.busy ? asker->asking.deadline_ms : NEVER;
    return looking < asking ? looking : asking;
}

void asker_on_deadline(struct clip *clip, int64_t now_ms)
{
    struct asker *asker = &clip->asker;
    if (asker->looking && asker->deadline_ms <= now_ms) {
        log_warning(NULL, "the program that has the clipboard does not say what kinds of data there are");
        looked(clip, XCB_ATOM_NONE);
    }
    if (asker->asking.busy && asker->asking.deadline_ms <= now_ms)
        fail(clip, "the program that has the clipboard gives no data");
}

void asker_finish(struct clip *clip)
{
    asking_end(clip);
}
