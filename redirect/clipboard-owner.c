/* The client has the clipboard: the session's programs paste it. */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "redirect/clipboard.h"

static void notify(struct clip *clip, xcb_window_t requestor, xcb_atom_t target, xcb_atom_t property,
                   xcb_timestamp_t time)
{
    union {
        xcb_selection_notify_event_t event;
        char bytes[32];
    } notice = {.event = {.response_type = XCB_SELECTION_NOTIFY,
                          .time = time,
                          .requestor = requestor,
                          .selection = clip->atoms[ATOM_CLIPBOARD],
                          .target = target,
                          .property = property}};
    xcb_send_event(clip->x, 0, requestor, XCB_EVENT_MASK_NO_EVENT, notice.bytes);
}

/* One conversion has its answer: the property is written, or it cannot be. */
static void answer(struct clip *clip, struct want *want, bool good)
{
    struct multiple *multiple = want->multiple;
    want->multiple = NULL;
    if (multiple == NULL) {
        notify(clip, want->requestor, want->target, good ? want->property : (xcb_atom_t)XCB_ATOM_NONE,
               want->time);
        return;
    }
    if (!good)
        multiple->pairs[2 * want->pair + 1] = XCB_ATOM_NONE;
    if (--multiple->left > 0)
        return;
    xcb_change_property(clip->x, XCB_PROP_MODE_REPLACE, multiple->requestor, multiple->property,
                        clip->atoms[ATOM_PAIR], 32, (uint32_t)(2 * multiple->count), multiple->pairs);
    notify(clip, multiple->requestor, multiple->target, multiple->property, multiple->time);
}

void owner_reap(struct clip *clip)
{
    for (struct multiple **at = &clip->owner.multiples; *at != NULL;) {
        struct multiple *multiple = *at;
        if (multiple->left > 0) {
            at = &multiple->next;
        } else {
            *at = multiple->next;
            free(multiple);
        }
    }
}

static bool another_of(const struct clip *clip, const struct want *want)
{
    for (size_t i = 0; i < WANTS_MOST; i++) {
        const struct want *other = &clip->owner.wants[i];
        if (other != want && other->requestor == want->requestor && other->fetch < 0)
            return true;
    }
    return false;
}

/* The place is free; what is in pieces is watched no more. */
static void drop(struct clip *clip, struct want *want)
{
    if (want->fetch < 0 && want->requestor != clip->window && !another_of(clip, want))
        xcb_change_window_attributes(clip->x, want->requestor, XCB_CW_EVENT_MASK, (uint32_t[]){0});
    clipboard_data_wipe(&want->data);
    *want = (struct want){0};
}

static void refuse(struct clip *clip, struct want *want)
{
    answer(clip, want, false);
    drop(clip, want);
}

/* Takes *data; writes it as a whole, or says that it comes in pieces. */
static void deliver(struct clip *clip, struct want *want, struct clipboard_data *data)
{
    if (data->total <= clip->piece) {
        xcb_change_property(clip->x, XCB_PROP_MODE_REPLACE, want->requestor, want->property, want->type, 8,
                            (uint32_t)data->total, data->bytes);
        clipboard_data_wipe(data);
        answer(clip, want, true);
        drop(clip, want);
        return;
    }
    uint32_t total = (uint32_t)data->total,
             mask = XCB_EVENT_MASK_PROPERTY_CHANGE | XCB_EVENT_MASK_STRUCTURE_NOTIFY;
    want->data = *data;
    *data = (struct clipboard_data){0};
    want->fetch = -1;
    want->deadline_ms = clock_monotonic_ms() + TAKER_WAIT_MS;
    if (want->requestor != clip->window)
        xcb_change_window_attributes(clip->x, want->requestor, XCB_CW_EVENT_MASK, &mask);
    xcb_change_property(clip->x, XCB_PROP_MODE_REPLACE, want->requestor, want->property,
                        clip->atoms[ATOM_INCR], 32, 1, &total);
    answer(clip, want, true);
}

void owner_on_taken(struct clip *clip, xcb_window_t requestor, xcb_atom_t property)
{
    for (size_t i = 0; i < WANTS_MOST; i++) {
        struct want *want = &clip->owner.wants[i];
        if (want->requestor != requestor || want->property != property || want->fetch >= 0)
            continue;
        if (want->ending) {
            drop(clip, want);
            return;
        }
        size_t left = want->data.total - want->data.used, size = left < clip->piece ? left : clip->piece;
        xcb_change_property(clip->x, XCB_PROP_MODE_REPLACE, requestor, property, want->type, 8,
                            (uint32_t)size, want->data.bytes + want->data.used);
        want->data.used += size;
        want->ending = size == 0;
        want->deadline_ms = clock_monotonic_ms() + TAKER_WAIT_MS;
        return;
    }
}

void owner_on_destroyed(struct clip *clip, xcb_window_t requestor)
{
    for (size_t i = 0; i < WANTS_MOST; i++) {
        struct want *want = &clip->owner.wants[i];
        if (want->requestor == requestor && want->fetch < 0)
            drop(clip, want);
    }
}

/* --- the client's data --- */

static struct fetch *fetch_of(struct clip *clip, uint32_t serial)
{
    for (size_t i = 0; i < CLIPBOARD_FORMATS; i++) {
        if (serial != 0 && clip->owner.fetches[i].serial == serial)
            return &clip->owner.fetches[i];
    }
    return NULL; /* it was given up */
}

/* All who wait get what has come; `data` NULL: nothing. */
static void fetch_end(struct clip *clip, struct fetch *fetch, const struct clipboard_data *data)
{
    int index = (int)(fetch - clip->owner.fetches);
    fetch->serial = 0;
    for (size_t i = 0; i < WANTS_MOST; i++) {
        struct want *want = &clip->owner.wants[i];
        struct clipboard_data made = {0};
        if (want->requestor == 0 || want->fetch != index)
            continue;
        if (data != NULL && want->convert(data->bytes, data->total, &made)) {
            deliver(clip, want, &made);
            continue;
        }
        if (data != NULL)
            log_warning(NULL, "what the client has copied cannot be made what was asked for");
        refuse(clip, want);
    }
    clipboard_data_wipe(&fetch->data);
}

const char *owner_on_data(struct clip *clip, const struct clipboard_packet *packet)
{
    struct fetch *fetch = fetch_of(clip, packet->serial);
    if (fetch == NULL)
        return NULL;
    const char *problem = clipboard_data_add(&fetch->data, packet);
    fetch->deadline_ms = clock_monotonic_ms() + CLIENT_WAIT_MS;
    if (problem == NULL && clipboard_data_whole(&fetch->data)) {
        struct clipboard_data data = fetch->data;
        fetch->data = (struct clipboard_data){0};
        fetch_end(clip, fetch, &data);
        clipboard_data_wipe(&data);
    }
    return problem;
}

void owner_on_fail(struct clip *clip, uint32_t serial)
{
    struct fetch *fetch = fetch_of(clip, serial);
    if (fetch != NULL)
        fetch_end(clip, fetch, NULL);
}

/* The want waits for the format; who asks first has the client asked. */
static void fetch_begin(struct clip *clip, struct want *want, uint32_t format)
{
    struct owner *owner = &clip->owner;
    want->fetch = __builtin_ctz(format);
    want->deadline_ms = NEVER; /* the fetch has one */
    struct fetch *fetch = &owner->fetches[want->fetch];
    if (fetch->serial != 0)
        return;
    owner->serial = owner->serial % UINT32_MAX + 1;
    fetch->serial = owner->serial;
    fetch->deadline_ms = clock_monotonic_ms() + CLIENT_WAIT_MS;
    link_send(&clip->link, CLIPBOARD_ASK, fetch->serial, format, false);
}

/* --- what programs ask for --- */

static void write_atoms(struct clip *clip, struct want *want, xcb_atom_t type, const uint32_t *values,
                        size_t count)
{
    xcb_change_property(clip->x, XCB_PROP_MODE_REPLACE, want->requestor, want->property, type, 32,
                        (uint32_t)count, values);
    answer(clip, want, true);
    drop(clip, want);
}

static uint32_t way_of(const struct clip *clip, size_t target, clipboard_converter **convert_r)
{
    for (size_t i = 0; i < CLIPBOARD_WAYS_MOST; i++) {
        uint32_t format = clipboard_targets[target].ways[i].format;
        if ((format & clip->owner.offer) == 0)
            continue;
        *convert_r = clipboard_targets[target].ways[i].convert;
        return format;
    }
    return 0;
}

static void write_targets(struct clip *clip, struct want *want)
{
    uint32_t atoms[CLIPBOARD_TARGETS + 4] = {clip->atoms[ATOM_TARGETS], clip->atoms[ATOM_TIMESTAMP],
                                             clip->atoms[ATOM_MULTIPLE]};
    size_t count = 3;
    clipboard_converter *convert;
    for (size_t i = 0; i < CLIPBOARD_TARGETS; i++) {
        if (way_of(clip, i, &convert) != 0)
            atoms[count++] = clip->targets[i];
    }
    if (clip->owner.offer & CLIPBOARD_SECRET)
        atoms[count++] = clip->atoms[ATOM_SECRET];
    write_atoms(clip, want, XCB_ATOM_ATOM, atoms, count);
}

/* The hint that KDE's clipboard manager and others know: they keep no history of it. */
static void write_secret(struct clip *clip, struct want *want)
{
    static const char secret[] = "secret";
    xcb_change_property(clip->x, XCB_PROP_MODE_REPLACE, want->requestor, want->property, want->target, 8,
                        sizeof(secret) - 1, secret);
    answer(clip, want, true);
    drop(clip, want);
}

static void begin(struct clip *clip, struct want *want)
{
    if (want->target == clip->atoms[ATOM_TARGETS]) {
        write_targets(clip, want);
        return;
    }
    if (want->target == clip->atoms[ATOM_TIMESTAMP]) {
        write_atoms(clip, want, XCB_ATOM_INTEGER, &clip->owner.since, 1);
        return;
    }
    if (want->target == clip->atoms[ATOM_SECRET] && (clip->owner.offer & CLIPBOARD_SECRET)) {
        write_secret(clip, want);
        return;
    }
    for (size_t i = 0; i < CLIPBOARD_TARGETS; i++) {
        uint32_t format = want->target == clip->targets[i] ? way_of(clip, i, &want->convert) : 0;
        if (format == 0)
            continue;
        want->type = clip->types[i];
        fetch_begin(clip, want, format);
        return;
    }
    refuse(clip, want);
}

/* A place for a conversion; NULL: too many are under way, and this one is refused. */
static void want_begin(struct clip *clip, const struct want *wanted)
{
    for (size_t i = 0; i < WANTS_MOST; i++) {
        struct want *want = &clip->owner.wants[i];
        if (want->requestor != 0)
            continue;
        *want = *wanted;
        begin(clip, want);
        return;
    }
    log_warning(NULL, "too many programs paste at once: one is refused");
    struct want refused = *wanted;
    answer(clip, &refused, false);
}

/* Reads what is to be converted. NULL: nothing that can be. */
static struct multiple *multiple_new(struct clip *clip, const struct want *whole)
{
    xcb_get_property_cookie_t cookie =
        xcb_get_property(clip->x, 0, whole->requestor, whole->property, XCB_ATOM_ANY, 0, 2 * PAIRS_MOST);
    xcb_get_property_reply_t *reply = xcb_get_property_reply(clip->x, cookie, NULL);
    size_t count = reply != NULL && reply->format == 32 && reply->bytes_after == 0 ? reply->value_len / 2 : 0;
    struct multiple *multiple = count > 0 ? calloc(1, sizeof(*multiple)) : NULL;
    if (multiple != NULL) {
        *multiple = (struct multiple){.next = clip->owner.multiples,
                                      .requestor = whole->requestor,
                                      .property = whole->property,
                                      .target = whole->target,
                                      .time = whole->time,
                                      .count = count,
                                      .left = count};
        memcpy(multiple->pairs, xcb_get_property_value(reply), count * 2 * sizeof(xcb_atom_t));
        clip->owner.multiples = multiple;
    }
    free(reply);
    return multiple;
}

static bool multiple_begin(struct clip *clip, const struct want *whole)
{
    struct multiple *multiple = multiple_new(clip, whole);
    if (multiple == NULL)
        return false;
    for (size_t i = 0; i < multiple->count; i++) {
        struct want want = *whole;
        xcb_atom_t target = multiple->pairs[2 * i];
        want.target = target != clip->atoms[ATOM_MULTIPLE] ? target : (xcb_atom_t)XCB_ATOM_NONE;
        want.property = multiple->pairs[2 * i + 1];
        want.multiple = multiple;
        want.pair = i;
        if (want.property == XCB_ATOM_NONE)
            answer(clip, &want, false);
        else
            want_begin(clip, &want);
    }
    return true;
}

void owner_on_request(struct clip *clip, const xcb_selection_request_event_t *event)
{
    struct want want = {.requestor = event->requestor,
                        .target = event->target,
                        .property = event->property != XCB_ATOM_NONE ? event->property : event->target,
                        .time = event->time};
    bool before = event->time != XCB_CURRENT_TIME && (int32_t)(event->time - clip->owner.since) < 0;
    if (event->selection != clip->atoms[ATOM_CLIPBOARD] || event->owner != clip->window ||
        event->requestor == XCB_NONE || clip->owner.offer == 0 || before)
        answer(clip, &want, false);
    else if (event->target != clip->atoms[ATOM_MULTIPLE])
        want_begin(clip, &want);
    else if (event->property == XCB_ATOM_NONE || !multiple_begin(clip, &want))
        answer(clip, &want, false);
}

/* --- whose it is --- */

/* To own a selection takes a time of the server's, which a change of a property brings. */
void owner_on_offer(struct clip *clip, uint32_t offer)
{
    struct owner *owner = &clip->owner;
    owner->offer = offer;
    if (offer != 0) {
        owner->taking = true;
        xcb_change_property(clip->x, XCB_PROP_MODE_APPEND, clip->window, clip->atoms[ATOM_TIME],
                            XCB_ATOM_INTEGER, 8, 0, NULL);
    } else if (owner->owns) {
        owner->owns = false;
        xcb_set_selection_owner(clip->x, XCB_NONE, clip->atoms[ATOM_CLIPBOARD], owner->since);
    }
}

void owner_on_time(struct clip *clip, xcb_timestamp_t time)
{
    struct owner *owner = &clip->owner;
    if (!owner->taking || owner->offer == 0)
        return;
    owner->taking = false;
    owner->owns = true;
    owner->since = time;
    xcb_set_selection_owner(clip->x, clip->window, clip->atoms[ATOM_CLIPBOARD], time);
}

void owner_on_clear(struct clip *clip)
{
    clip->owner.owns = false;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t owner_deadline(const struct clip *clip)
{
    int64_t next = NEVER;
    for (size_t i = 0; i < CLIPBOARD_FORMATS; i++) {
        if (clip->owner.fetches[i].serial != 0)
            next = sooner(next, clip->owner.fetches[i].deadline_ms);
    }
    for (size_t i = 0; i < WANTS_MOST; i++) {
        if (clip->owner.wants[i].requestor != 0)
            next = sooner(next, clip->owner.wants[i].deadline_ms);
    }
    return next;
}

void owner_on_deadline(struct clip *clip, int64_t now_ms)
{
    for (size_t i = 0; i < CLIPBOARD_FORMATS; i++) {
        struct fetch *fetch = &clip->owner.fetches[i];
        if (fetch->serial == 0 || fetch->deadline_ms > now_ms)
            continue;
        log_warning(NULL, "the client does not say what it has copied");
        link_send(&clip->link, CLIPBOARD_FORGET, fetch->serial, 0, false);
        fetch_end(clip, fetch, NULL);
    }
    for (size_t i = 0; i < WANTS_MOST; i++) {
        struct want *want = &clip->owner.wants[i];
        if (want->requestor == 0 || want->deadline_ms > now_ms)
            continue;
        log_warning(NULL, "a program does not take what it pastes");
        drop(clip, want);
    }
}

void owner_finish(struct clip *clip)
{
    for (size_t i = 0; i < CLIPBOARD_FORMATS; i++)
        owner_on_fail(clip, clip->owner.fetches[i].serial);
    for (size_t i = 0; i < WANTS_MOST; i++) {
        if (clip->owner.wants[i].requestor != 0)
            drop(clip, &clip->owner.wants[i]);
    }
    owner_reap(clip);
}
