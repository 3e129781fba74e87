#include "rdp-front/clipboard.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "rdp-front/cliprdr.h"

#define ASKS_MOST      16 /* of the session's that wait for the client */
#define REQUESTS_MOST  32 /* of the client's that wait for the session */
#define CROSSINGS_MOST 4  /* lists of the client's before its answer to ours */
/* Data beyond CLIPBOARD_MOST is refused at once; beyond this it is not even kept, and refused when its time
 * is over. */
#define CLIENT_MOST (2 * CLIPBOARD_MOST)

enum owner { OWNER_NONE, OWNER_CLIENT, OWNER_SESSION };

struct ask {
    uint32_t serial, format;
    bool forgotten; /* it is answered all the same, and the answer is nobody's */
};

struct clipboard {
    struct redirect *redirect;
    uint32_t bits;
    bool greeted;    /* its first list has come: before it the client takes none */
    bool long_names; /* in lists, both ways */
    bool session;    /* the program is there */
    enum owner owner;
    uint32_t offer; /* the owner's formats, as far as the other side may have them */
    uint32_t ids[CLIPBOARD_FORMATS];
    bool answers;                 /* it has answered a list, as it must */
    unsigned unanswered;          /* lists that were told to it, but empty ones: FreeRDP passes them over */
    unsigned crossings;           /* lists of its own that came meanwhile */
    struct cliprdr_list crossing; /* the last of these, which stands if it refuses ours */
    struct ask asks[ASKS_MOST];   /* the first is at the client, which answers in order */
    size_t ask_count;
    uint32_t requests[REQUESTS_MOST]; /* formats; the first is at the program. 0: none that there is */
    size_t request_count;
    uint32_t serial;            /* of the first request */
    struct clipboard_data data; /* what has come of its answer */
};

static void tell_client(struct clipboard *clipboard, uint16_t type, uint16_t flags, const void *data,
                        size_t size)
{
    uint8_t message[CLIPRDR_HEAD + 8];
    cliprdr_write_head(message, type, flags, size);
    if (size > 0)
        memcpy(message + CLIPRDR_HEAD, data, size);
    redirect_to_client(clipboard->redirect, 0, message, CLIPRDR_HEAD + size);
}

static void tell_list(struct clipboard *clipboard)
{
    uint8_t message[CLIPRDR_LIST_ROOM];
    if (!clipboard->greeted)
        return;
    clipboard->unanswered += clipboard->offer != 0;
    redirect_to_client(clipboard->redirect, 0, message,
                       cliprdr_write_list(message, sizeof(message), clipboard->offer, clipboard->long_names));
}

static void tell_session(struct clipboard *clipboard, const struct clipboard_packet *packet)
{
    uint8_t bytes[REDIRECT_PACKET_MAX];
    size_t size = clipboard_encode(packet, bytes);
    redirect_to_session(clipboard->redirect, bytes, size);
    explicit_bzero(bytes, size);
}

static void tell_offer(struct clipboard *clipboard)
{
    if (clipboard->bits & REDIRECT_CLIPBOARD_IN)
        tell_session(clipboard, &(struct clipboard_packet){
                                    .type = CLIPBOARD_OFFER,
                                    .number = clipboard->owner == OWNER_CLIENT ? clipboard->offer : 0});
}

static void tell_fail(struct clipboard *clipboard, uint32_t serial)
{
    tell_session(clipboard, &(struct clipboard_packet){.type = CLIPBOARD_FAIL, .serial = serial});
}

/* --- the session pastes what the client has --- */

static void asks_remove_first(struct clipboard *clipboard)
{
    clipboard->ask_count--;
    memmove(&clipboard->asks[0], &clipboard->asks[1], clipboard->ask_count * sizeof(clipboard->asks[0]));
}

/* Has the first ask be at the client, which may have other formats by now. */
static void asks_send_first(struct clipboard *clipboard)
{
    while (clipboard->ask_count > 0) {
        const struct ask *ask = &clipboard->asks[0];
        if (!ask->forgotten && clipboard->owner == OWNER_CLIENT && (clipboard->offer & ask->format)) {
            uint32_t id = clipboard->ids[__builtin_ctz(ask->format)];
            uint8_t number[4] = {(uint8_t)id, (uint8_t)(id >> 8), (uint8_t)(id >> 16), (uint8_t)(id >> 24)};
            tell_client(clipboard, CLIPRDR_REQUEST, 0, number, sizeof(number));
            return;
        }
        if (!ask->forgotten)
            tell_fail(clipboard, ask->serial);
        asks_remove_first(clipboard);
    }
}

static void on_ask(struct clipboard *clipboard, const struct clipboard_packet *packet)
{
    if (clipboard->owner != OWNER_CLIENT || !(clipboard->offer & packet->number) ||
        clipboard->ask_count == ASKS_MOST) {
        tell_fail(clipboard, packet->serial);
        return;
    }
    clipboard->asks[clipboard->ask_count++] = (struct ask){packet->serial, packet->number, false};
    if (clipboard->ask_count == 1)
        asks_send_first(clipboard);
}

static void on_forget(struct clipboard *clipboard, const struct clipboard_packet *packet)
{
    for (size_t i = 0; i < clipboard->ask_count; i++) {
        if (clipboard->asks[i].serial == packet->serial)
            clipboard->asks[i].forgotten = true;
    }
}

static void pass_data(struct clipboard *clipboard, uint32_t serial, const uint8_t *bytes, size_t size)
{
    struct clipboard_data data = {.bytes = (uint8_t *)bytes, .total = size};
    do {
        struct clipboard_packet piece;
        clipboard_data_piece(&data, serial, &piece);
        tell_session(clipboard, &piece);
    } while (data.used < data.total);
}

static const char *on_answer(struct clipboard *clipboard, const struct cliprdr_message *message)
{
    if (clipboard->ask_count == 0)
        return NULL; /* nobody asked, or nobody any more */
    struct ask ask = clipboard->asks[0];
    bool good = (message->flags & CLIPRDR_OK) != 0 && message->size <= CLIPBOARD_MOST;
    if (message->size > CLIPBOARD_MOST)
        log_warning("clipboard", "%zu bytes from the client are more than %u and refused", message->size,
                    CLIPBOARD_MOST);
    asks_remove_first(clipboard);
    if (!ask.forgotten && good)
        pass_data(clipboard, ask.serial, message->data, message->size);
    else if (!ask.forgotten)
        tell_fail(clipboard, ask.serial);
    asks_send_first(clipboard);
    return NULL;
}

/* --- the client pastes what the session has --- */

static void requests_remove_first(struct clipboard *clipboard)
{
    clipboard_data_wipe(&clipboard->data);
    clipboard->request_count--;
    memmove(&clipboard->requests[0], &clipboard->requests[1],
            clipboard->request_count * sizeof(clipboard->requests[0]));
}

/* Has the first request be at the program; those before it that no program answers are answered here. */
static void requests_send_first(struct clipboard *clipboard)
{
    while (clipboard->request_count > 0) {
        uint32_t format = clipboard->requests[0];
        bool there = (clipboard->bits & REDIRECT_CLIPBOARD_OUT) && clipboard->owner == OWNER_SESSION &&
                     (clipboard->offer & format);
        if (there && format != CLIPBOARD_SECRET && clipboard->session) {
            tell_session(clipboard, &(struct clipboard_packet){.type = CLIPBOARD_ASK,
                                                               .serial = ++clipboard->serial,
                                                               .number = format});
            return;
        }
        if (there && format == CLIPBOARD_SECRET) /* the number that says: no */
            tell_client(clipboard, CLIPRDR_ANSWER, CLIPRDR_OK, (uint8_t[4]){0}, 4);
        else
            tell_client(clipboard, CLIPRDR_ANSWER, CLIPRDR_FAILED, NULL, 0);
        requests_remove_first(clipboard);
    }
}

static const char *on_request(struct clipboard *clipboard, const struct cliprdr_message *message)
{
    uint32_t id;
    const char *problem = cliprdr_read_request(message, &id);
    if (problem != NULL)
        return problem;
    if (clipboard->request_count == REQUESTS_MOST)
        return "too many requests of the clipboard at once";
    clipboard->requests[clipboard->request_count++] = cliprdr_format_of(id);
    if (clipboard->request_count == 1)
        requests_send_first(clipboard);
    return NULL;
}

static bool is_first_request(const struct clipboard *clipboard, const struct clipboard_packet *packet)
{
    return clipboard->request_count > 0 && packet->serial == clipboard->serial;
}

static const char *on_data(struct clipboard *clipboard, const struct clipboard_packet *packet)
{
    if (!is_first_request(clipboard, packet))
        return NULL;
    const char *problem = clipboard_data_add(&clipboard->data, packet);
    if (problem != NULL || !clipboard_data_whole(&clipboard->data))
        return problem;
    uint8_t *message = clipboard->data.bytes - CLIPRDR_HEAD;
    cliprdr_write_head(message, CLIPRDR_ANSWER, CLIPRDR_OK, clipboard->data.total);
    redirect_to_client(clipboard->redirect, 0, message, CLIPRDR_HEAD + clipboard->data.total);
    requests_remove_first(clipboard);
    requests_send_first(clipboard);
    return NULL;
}

static void on_fail(struct clipboard *clipboard, const struct clipboard_packet *packet)
{
    if (!is_first_request(clipboard, packet))
        return;
    tell_client(clipboard, CLIPRDR_ANSWER, CLIPRDR_FAILED, NULL, 0);
    requests_remove_first(clipboard);
    requests_send_first(clipboard);
}

/* --- whose it is --- */

static void on_session_offer(struct clipboard *clipboard, const struct clipboard_packet *packet)
{
    bool was_sessions = clipboard->owner == OWNER_SESSION;
    if (packet->early && clipboard->owner == OWNER_CLIENT)
        return;
    if (packet->number == 0 && !was_sessions)
        return;
    clipboard->owner = packet->number != 0 ? OWNER_SESSION : OWNER_NONE;
    clipboard->offer = packet->number;
    tell_list(clipboard);
}

/* What the program has forgotten, and the client has not answered until it copied anew, it answers no more.
 */
static void drop_forgotten(struct clipboard *clipboard)
{
    if (clipboard->ask_count == 0 || !clipboard->asks[0].forgotten)
        return;
    asks_remove_first(clipboard);
    asks_send_first(clipboard);
}

static void take_list(struct clipboard *clipboard, const struct cliprdr_list *list)
{
    clipboard->owner = list->any ? OWNER_CLIENT : OWNER_NONE;
    clipboard->offer = clipboard->bits & REDIRECT_CLIPBOARD_IN ? list->offer : 0;
    memcpy(clipboard->ids, list->ids, sizeof(clipboard->ids));
    tell_offer(clipboard);
}

/* A list that the client sent before it had seen ours: with ours it takes the clipboard from whoever had it,
 * so that nobody could paste what its own list tells. One that sends many does not answer; FreeRDP sends two
 * for what is copied once. */
static bool crosses(struct clipboard *clipboard)
{
    if (clipboard->crossings == CROSSINGS_MOST)
        clipboard->unanswered = 0;
    bool crossing = clipboard->answers && clipboard->unanswered > 0;
    clipboard->crossings = crossing ? clipboard->crossings + 1 : 0;
    return crossing;
}

static const char *on_list_answer(struct clipboard *clipboard, const struct cliprdr_message *message)
{
    clipboard->answers = true;
    if (clipboard->unanswered > 0)
        clipboard->unanswered--;
    if (clipboard->crossings == 0 || clipboard->unanswered > 0)
        return NULL;
    clipboard->crossings = 0;
    if (!(message->flags & CLIPRDR_OK))
        take_list(clipboard, &clipboard->crossing);
    return NULL;
}

static const char *on_list(struct clipboard *clipboard, const struct cliprdr_message *message)
{
    struct cliprdr_list list;
    const char *problem = cliprdr_read_list(message, clipboard->long_names, &list);
    if (problem != NULL)
        return problem;
    bool first = !clipboard->greeted;
    clipboard->greeted = true;
    tell_client(clipboard, CLIPRDR_LIST_ANSWER, CLIPRDR_OK, NULL, 0);
    if (first && !list.any) { /* it has nothing, and may have what the session has */
        if (clipboard->owner == OWNER_SESSION)
            tell_list(clipboard);
        return NULL;
    }
    if (crosses(clipboard))
        clipboard->crossing = list;
    else
        take_list(clipboard, &list);
    drop_forgotten(clipboard);
    return NULL;
}

static const char *on_capabilities(struct clipboard *clipboard, const struct cliprdr_message *message)
{
    return cliprdr_read_capabilities(message, &clipboard->long_names);
}

/* Files are not redirected: the client is never offered one. */
static const char *on_file_request(struct clipboard *clipboard, const struct cliprdr_message *message)
{
    uint32_t stream;
    const char *problem = cliprdr_read_stream(message, &stream);
    uint8_t number[4] = {(uint8_t)stream, (uint8_t)(stream >> 8), (uint8_t)(stream >> 16),
                         (uint8_t)(stream >> 24)};
    if (problem == NULL)
        tell_client(clipboard, CLIPRDR_FILE_ANSWER, CLIPRDR_FAILED, number, sizeof(number));
    return problem;
}

/* What needs no answer: where the client keeps files, locks of files. */
static const char *on_unneeded(struct clipboard *clipboard, const struct cliprdr_message *message)
{
    (void)clipboard, (void)message;
    return NULL;
}

static const char *on_server_only(struct clipboard *clipboard, const struct cliprdr_message *message)
{
    (void)clipboard, (void)message;
    return "a clipboard message that is a server's";
}

typedef const char *client_handler(struct clipboard *clipboard, const struct cliprdr_message *message);
static client_handler *const client_handlers[CLIPRDR_TYPES] = {
    [CLIPRDR_MONITOR_READY] = on_server_only,
    [CLIPRDR_LIST] = on_list,
    [CLIPRDR_LIST_ANSWER] = on_list_answer,
    [CLIPRDR_REQUEST] = on_request,
    [CLIPRDR_ANSWER] = on_answer,
    [CLIPRDR_TEMPORARY_DIRECTORY] = on_unneeded,
    [CLIPRDR_CAPABILITIES] = on_capabilities,
    [CLIPRDR_FILE_REQUEST] = on_file_request,
    [CLIPRDR_FILE_ANSWER] = on_unneeded,
    [CLIPRDR_LOCK] = on_unneeded,
    [CLIPRDR_UNLOCK] = on_unneeded,
};

static const char *from_client(void *state, unsigned channel, const uint8_t *data, size_t size)
{
    struct cliprdr_message message;
    (void)channel;
    const char *problem = cliprdr_read(data, size, &message);
    return problem != NULL ? problem : client_handlers[message.type](state, &message);
}

static const char *from_session(void *state, const uint8_t *data, size_t size)
{
    struct clipboard *clipboard = state;
    struct clipboard_packet packet;
    const char *problem = clipboard_decode(data, size, &packet);
    if (problem != NULL)
        return problem;
    bool out =
        packet.type == CLIPBOARD_OFFER || packet.type == CLIPBOARD_DATA || packet.type == CLIPBOARD_FAIL;
    if (out && !(clipboard->bits & REDIRECT_CLIPBOARD_OUT))
        return NULL; /* nobody is told of it */
    if (packet.type == CLIPBOARD_DATA)
        return on_data(clipboard, &packet);
    if (packet.type == CLIPBOARD_OFFER)
        on_session_offer(clipboard, &packet);
    else if (packet.type == CLIPBOARD_FAIL)
        on_fail(clipboard, &packet);
    else if (packet.type == CLIPBOARD_FORGET)
        on_forget(clipboard, &packet);
    else
        on_ask(clipboard, &packet);
    return NULL;
}

static const char *client_there(void *state, unsigned channel)
{
    struct clipboard *clipboard = state;
    uint8_t message[CLIPRDR_HEAD + 16];
    (void)channel;
    redirect_to_client(clipboard->redirect, 0, message, cliprdr_write_capabilities(message, sizeof(message)));
    tell_client(clipboard, CLIPRDR_MONITOR_READY, 0, NULL, 0);
    return NULL;
}

static const char *session_there(void *state)
{
    struct clipboard *clipboard = state;
    clipboard->session = true;
    if (clipboard->owner == OWNER_CLIENT)
        tell_offer(clipboard);
    return NULL;
}

/* Its asks are nobody's now; what it offered is not there any more. */
static void session_gone(void *state)
{
    struct clipboard *clipboard = state;
    clipboard->session = false;
    for (size_t i = 0; i < clipboard->ask_count; i++)
        clipboard->asks[i].forgotten = true;
    if (clipboard->owner == OWNER_SESSION) {
        clipboard->owner = OWNER_NONE;
        clipboard->offer = 0;
        tell_list(clipboard);
    }
    requests_send_first(clipboard);
}

static void *open_clipboard(struct redirect *redirect, uint32_t bits)
{
    struct clipboard *clipboard = calloc(1, sizeof(*clipboard));
    if (clipboard != NULL) {
        clipboard->redirect = redirect;
        clipboard->bits = bits;
    }
    return clipboard;
}

static void close_clipboard(void *state)
{
    struct clipboard *clipboard = state;
    clipboard_data_wipe(&clipboard->data);
    free(clipboard);
}

const struct redirect_part clipboard_part = {
    .channels = {{"cliprdr", false, REDIRECT_CLIPBOARD_IN | REDIRECT_CLIPBOARD_OUT}},
    .client_most = CLIENT_MOST,
    .open = open_clipboard,
    .close = close_clipboard,
    .client_there = client_there,
    .from_client = from_client,
    .session_there = session_there,
    .session_gone = session_gone,
    .from_session = from_session,
};
