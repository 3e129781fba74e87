/* The clipboard's part of a worker, between a client and a program that are played. */
#include "common/wire.h"
#include "rdp-front/clipboard.h"
#include "rdp-front/cliprdr.h"
#include "tests/check.h"

#define BOTH (REDIRECT_CLIPBOARD_IN | REDIRECT_CLIPBOARD_OUT)
#define TOLD 2048

/* What was told to one side, in order. */
struct told {
    struct {
        uint8_t *data;
        size_t size;
    } at[TOLD];
    size_t count, taken;
};

static struct told client, session;
static void *state;
static const struct redirect_part *const part = &clipboard_part;

static void tell(struct told *told, const void *data, size_t size)
{
    CHECK(told->count < TOLD);
    told->at[told->count].data = malloc(size + 1);
    CHECK(told->at[told->count].data != NULL);
    memcpy(told->at[told->count].data, data, size);
    told->at[told->count++].size = size;
}

void redirect_to_client(struct redirect *redirect, unsigned channel, const void *data, size_t size)
{
    (void)redirect;
    CHECK(channel == 0);
    tell(&client, data, size);
}

void redirect_to_session(struct redirect *redirect, const void *data, size_t size)
{
    (void)redirect;
    CHECK(size <= REDIRECT_PACKET_MAX);
    tell(&session, data, size);
}

static void forget(struct told *told)
{
    for (size_t i = 0; i < told->count; i++)
        free(told->at[i].data);
    told->count = told->taken = 0;
}

static void nothing_told(void)
{
    CHECK(client.taken == client.count && session.taken == session.count);
    forget(&client);
    forget(&session);
}

/* --- the client --- */

static const char *client_says(uint16_t type, uint16_t flags, const void *data, size_t size)
{
    uint8_t *message = malloc(CLIPRDR_HEAD + size);
    CHECK(message != NULL);
    cliprdr_write_head(message, type, flags, size);
    if (size > 0)
        memcpy(message + CLIPRDR_HEAD, data, size);
    const char *problem = part->from_client(state, 0, message, CLIPRDR_HEAD + size);
    free(message);
    return problem;
}

static struct cliprdr_message client_told(unsigned type)
{
    struct cliprdr_message message;
    CHECK(client.taken < client.count);
    const uint8_t *data = client.at[client.taken].data;
    CHECK(cliprdr_read(data, client.at[client.taken].size, &message) == NULL);
    client.taken++;
    CHECK(message.type == type);
    return message;
}

static size_t put_name(uint8_t *to, uint32_t id, const char *name)
{
    struct wire_writer writer = wire_writer_over(to, 256);
    wire_put_u32(&writer, id);
    for (size_t i = 0; i <= strlen(name); i++)
        wire_put_u16(&writer, (uint8_t)name[i]);
    CHECK(!writer.failed);
    return writer.used;
}

/* The text, HTML under a number of the client's own, and something unknown. */
static size_t client_formats(uint8_t *to)
{
    size_t size = put_name(to, 13, "");
    size += put_name(to + size, 49317, "HTML Format");
    return size + put_name(to + size, 49999, "Some Format Of Nobody's");
}

static void client_list(void)
{
    uint8_t list[1024];
    CHECK(client_says(CLIPRDR_LIST, 0, list, client_formats(list)) == NULL);
    CHECK(client_told(CLIPRDR_LIST_ANSWER).flags == CLIPRDR_OK);
}

static void client_empty_list(void)
{
    CHECK(client_says(CLIPRDR_LIST, 0, NULL, 0) == NULL);
    CHECK(client_told(CLIPRDR_LIST_ANSWER).flags == CLIPRDR_OK);
}

static const char *client_requests(uint32_t id)
{
    uint8_t number[4];
    struct wire_writer writer = wire_writer_over(number, 4);
    wire_put_u32(&writer, id);
    return client_says(CLIPRDR_REQUEST, 0, number, 4);
}

static void client_told_failed(void)
{
    struct cliprdr_message answer = client_told(CLIPRDR_ANSWER);
    CHECK(answer.flags == CLIPRDR_FAILED && answer.size == 0);
}

static struct cliprdr_list client_told_list(bool long_names)
{
    struct cliprdr_list list;
    struct cliprdr_message message = client_told(CLIPRDR_LIST);
    CHECK(cliprdr_read_list(&message, long_names, &list) == NULL);
    return list;
}

/* --- the session's program --- */

static const char *session_says(uint8_t type, uint32_t serial, uint32_t number, const void *data, size_t size)
{
    static uint8_t bytes[REDIRECT_PACKET_MAX];
    struct clipboard_packet packet = {
        .type = type, .serial = serial, .number = number, .data = data, .size = size};
    return part->from_session(state, bytes, clipboard_encode(&packet, bytes));
}

static struct clipboard_packet session_told(unsigned type)
{
    struct clipboard_packet packet;
    CHECK(session.taken < session.count);
    CHECK(clipboard_decode(session.at[session.taken].data, session.at[session.taken].size, &packet) == NULL);
    session.taken++;
    CHECK(packet.type == type);
    return packet;
}

static void session_offers_early(uint32_t offer)
{
    uint8_t bytes[REDIRECT_PACKET_MAX];
    struct clipboard_packet packet = {.type = CLIPBOARD_OFFER, .early = true, .number = offer};
    CHECK(part->from_session(state, bytes, clipboard_encode(&packet, bytes)) == NULL);
}

/* --- */

static void begin(uint32_t bits, bool greet)
{
    static const uint8_t capabilities[] = {1, 0, 0, 0, 1, 0, 12, 0, 2, 0, 0, 0, 2, 0, 0, 0};
    state = part->open(NULL, bits);
    CHECK(state != NULL);
    CHECK(part->client_there(state, 0) == NULL);
    bool long_names = false;
    struct cliprdr_message message = client_told(CLIPRDR_CAPABILITIES);
    CHECK(cliprdr_read_capabilities(&message, &long_names) == NULL && long_names);
    client_told(CLIPRDR_MONITOR_READY);
    CHECK(part->session_there(state) == NULL);
    CHECK(client_says(CLIPRDR_CAPABILITIES, 0, capabilities, sizeof(capabilities)) == NULL);
    CHECK(client_says(CLIPRDR_TEMPORARY_DIRECTORY, 0, "C\0:\0", 4) == NULL);
    if (greet)
        client_empty_list();
    nothing_told();
}

static void end(void)
{
    nothing_told();
    part->close(state);
}

static void test_in(void)
{
    begin(BOTH, true);
    client_list();
    CHECK(session_told(CLIPBOARD_OFFER).number == (CLIPBOARD_TEXT | CLIPBOARD_HTML));
    CHECK(session_says(CLIPBOARD_ASK, 7, CLIPBOARD_HTML, NULL, 0) == NULL);
    CHECK(session_says(CLIPBOARD_ASK, 8, CLIPBOARD_TEXT, NULL, 0) == NULL);
    struct cliprdr_message request = client_told(CLIPRDR_REQUEST);
    uint32_t id = 0;
    CHECK(cliprdr_read_request(&request, &id) == NULL && id == 49317);
    CHECK(client.taken == client.count); /* one at a time */
    CHECK(client_says(CLIPRDR_ANSWER, CLIPRDR_OK, "<b>", 3) == NULL);
    struct clipboard_packet data = session_told(CLIPBOARD_DATA);
    CHECK(data.serial == 7 && data.number == 3 && data.size == 3 && memcmp(data.data, "<b>", 3) == 0);
    request = client_told(CLIPRDR_REQUEST);
    CHECK(cliprdr_read_request(&request, &id) == NULL && id == 13);
    CHECK(client_says(CLIPRDR_ANSWER, CLIPRDR_FAILED, NULL, 0) == NULL);
    CHECK(session_told(CLIPBOARD_FAIL).serial == 8);
    CHECK(session_says(CLIPBOARD_ASK, 9, CLIPBOARD_PNG, NULL, 0) == NULL); /* it has none */
    CHECK(session_told(CLIPBOARD_FAIL).serial == 9);
    CHECK(client_says(CLIPRDR_ANSWER, CLIPRDR_OK, "unasked", 7) == NULL);
    nothing_told();
    client_empty_list();
    CHECK(session_told(CLIPBOARD_OFFER).number == 0);
    CHECK(session_says(CLIPBOARD_ASK, 10, CLIPBOARD_TEXT, NULL, 0) == NULL);
    CHECK(session_told(CLIPBOARD_FAIL).serial == 10);
    end();
}

static void test_in_large(void)
{
    begin(BOTH, true);
    client_list();
    session_told(CLIPBOARD_OFFER);
    size_t size = CLIPBOARD_MOST;
    uint8_t *big = malloc(size + 1);
    CHECK(big != NULL);
    for (size_t i = 0; i <= size; i++)
        big[i] = (uint8_t)(i * 31 >> 3);
    CHECK(session_says(CLIPBOARD_ASK, 1, CLIPBOARD_TEXT, NULL, 0) == NULL);
    client_told(CLIPRDR_REQUEST);
    CHECK(client_says(CLIPRDR_ANSWER, CLIPRDR_OK, big, size) == NULL);
    struct clipboard_data whole = {0};
    while (!clipboard_data_whole(&whole)) {
        struct clipboard_packet piece = session_told(CLIPBOARD_DATA);
        CHECK(clipboard_data_add(&whole, &piece) == NULL);
    }
    CHECK(whole.total == size && memcmp(whole.bytes, big, size) == 0);
    clipboard_data_wipe(&whole);
    nothing_told();
    CHECK(session_says(CLIPBOARD_ASK, 2, CLIPBOARD_TEXT, NULL, 0) == NULL);
    client_told(CLIPRDR_REQUEST);
    CHECK(client_says(CLIPRDR_ANSWER, CLIPRDR_OK, big, size + 1) == NULL);
    CHECK(session_told(CLIPBOARD_FAIL).serial == 2);
    CHECK(session_says(CLIPBOARD_ASK, 3, CLIPBOARD_TEXT, NULL, 0) == NULL); /* it works on */
    client_told(CLIPRDR_REQUEST);
    CHECK(client_says(CLIPRDR_ANSWER, CLIPRDR_OK, NULL, 0) == NULL);
    CHECK(session_told(CLIPBOARD_DATA).number == 0);
    free(big);
    end();
}

static void test_asks_bounded_and_forgotten(void)
{
    begin(BOTH, true);
    client_list();
    session_told(CLIPBOARD_OFFER);
    for (uint32_t i = 1; i <= 17; i++)
        CHECK(session_says(CLIPBOARD_ASK, i, CLIPBOARD_TEXT, NULL, 0) == NULL);
    CHECK(session_told(CLIPBOARD_FAIL).serial == 17);
    client_told(CLIPRDR_REQUEST);
    for (uint32_t i = 1; i <= 15; i++)
        CHECK(session_says(CLIPBOARD_FORGET, i, 0, NULL, 0) == NULL);
    nothing_told();
    /* the client answers the first, which nobody wants any more; then it is asked for the one that is left */
    CHECK(client_says(CLIPRDR_ANSWER, CLIPRDR_OK, "a", 1) == NULL);
    client_told(CLIPRDR_REQUEST);
    CHECK(session_says(CLIPBOARD_FORGET, 16, 0, NULL, 0) == NULL);
    nothing_told();
    /* which it never answers, but copies anew */
    CHECK(session_says(CLIPBOARD_ASK, 18, CLIPBOARD_TEXT, NULL, 0) == NULL);
    nothing_told();
    client_list();
    session_told(CLIPBOARD_OFFER);
    client_told(CLIPRDR_REQUEST);
    CHECK(client_says(CLIPRDR_ANSWER, CLIPRDR_OK, "b", 1) == NULL);
    CHECK(session_told(CLIPBOARD_DATA).serial == 18);
    end();
}

static void test_out(void)
{
    begin(BOTH, true);
    CHECK(session_says(CLIPBOARD_OFFER, 0, CLIPBOARD_TEXT | CLIPBOARD_RTF, NULL, 0) == NULL);
    struct cliprdr_list list = client_told_list(true);
    CHECK(list.offer == (CLIPBOARD_TEXT | CLIPBOARD_RTF));
    uint32_t rtf = list.ids[__builtin_ctz(CLIPBOARD_RTF)];
    CHECK(client_says(CLIPRDR_LIST_ANSWER, CLIPRDR_OK, NULL, 0) == NULL);
    CHECK(client_requests(rtf) == NULL);
    CHECK(client_requests(13) == NULL);
    CHECK(client_requests(8) == NULL); /* not offered: its turn comes */
    struct clipboard_packet ask = session_told(CLIPBOARD_ASK);
    CHECK(ask.number == CLIPBOARD_RTF);
    nothing_told();
    CHECK(session_says(CLIPBOARD_DATA, ask.serial + 1, 1, "x", 1) == NULL); /* of no ask */
    CHECK(session_says(CLIPBOARD_DATA, ask.serial, 6, "{\\rtf", 5) == NULL);
    nothing_told();
    CHECK(session_says(CLIPBOARD_DATA, ask.serial, 6, "}", 1) == NULL);
    struct cliprdr_message answer = client_told(CLIPRDR_ANSWER);
    CHECK(answer.flags == CLIPRDR_OK && answer.size == 6 && memcmp(answer.data, "{\\rtf}", 6) == 0);
    ask = session_told(CLIPBOARD_ASK);
    CHECK(ask.number == CLIPBOARD_TEXT);
    CHECK(session_says(CLIPBOARD_FAIL, ask.serial, 0, NULL, 0) == NULL);
    client_told_failed();
    client_told_failed();
    nothing_told();
    CHECK(session_says(CLIPBOARD_OFFER, 0, 0, NULL, 0) == NULL);
    CHECK(!client_told_list(true).any);
    CHECK(session_says(CLIPBOARD_OFFER, 0, 0, NULL, 0) == NULL);
    end();
}

static void test_out_bounds(void)
{
    begin(BOTH, true);
    CHECK(session_says(CLIPBOARD_OFFER, 0, CLIPBOARD_TEXT, NULL, 0) == NULL);
    client_told_list(true);
    CHECK(client_requests(13) == NULL);
    uint32_t serial = session_told(CLIPBOARD_ASK).serial;
    CHECK(session_says(CLIPBOARD_DATA, serial, CLIPBOARD_MOST + 1, "x", 1) != NULL);
    CHECK(session_says(CLIPBOARD_DATA, serial, 2, "xyz", 3) != NULL);
    CHECK(session_says(CLIPBOARD_DATA, serial, 2, NULL, 0) != NULL);
    CHECK(session_says(CLIPBOARD_DATA, serial, 4, "xyz", 3) == NULL);
    CHECK(session_says(CLIPBOARD_DATA, serial, 4, "xy", 2) != NULL);
    CHECK(session_says(CLIPBOARD_DATA, serial, 5, "x", 1) != NULL);
    nothing_told();
    for (int i = 0; i < 31; i++)
        CHECK(client_requests(13) == NULL);
    CHECK(client_requests(13) != NULL);
    end();
}

/* Only from the client: the session's is nowhere told, and asked for in vain. */
static void test_in_only(void)
{
    begin(REDIRECT_CLIPBOARD_IN, true);
    CHECK(session_says(CLIPBOARD_OFFER, 0, CLIPBOARD_TEXT, NULL, 0) == NULL);
    session_offers_early(CLIPBOARD_TEXT);
    nothing_told();
    CHECK(client_requests(13) == NULL);
    client_told_failed();
    CHECK(session_says(CLIPBOARD_DATA, 0, 1, "x", 1) == NULL);
    CHECK(session_says(CLIPBOARD_DATA, 1, 1, "x", 1) == NULL);
    nothing_told();
    client_list();
    CHECK(session_told(CLIPBOARD_OFFER).number == (CLIPBOARD_TEXT | CLIPBOARD_HTML));
    CHECK(session_says(CLIPBOARD_ASK, 1, CLIPBOARD_TEXT, NULL, 0) == NULL);
    client_told(CLIPRDR_REQUEST);
    part->session_gone(state);
    end();
}

/* Only to the client: it is told everything is well, and the session hears nothing. */
static void test_out_only(void)
{
    begin(REDIRECT_CLIPBOARD_OUT, true);
    client_list();
    CHECK(session_says(CLIPBOARD_ASK, 1, CLIPBOARD_TEXT, NULL, 0) == NULL);
    CHECK(session_told(CLIPBOARD_FAIL).serial == 1);
    CHECK(client_says(CLIPRDR_ANSWER, CLIPRDR_OK, "secret", 6) == NULL);
    client_empty_list();
    nothing_told();
    part->session_gone(state);
    CHECK(part->session_there(state) == NULL);
    nothing_told();
    CHECK(session_says(CLIPBOARD_OFFER, 0, CLIPBOARD_TEXT, NULL, 0) == NULL);
    CHECK(client_told_list(true).offer == CLIPBOARD_TEXT);
    CHECK(client_requests(13) == NULL);
    CHECK(session_told(CLIPBOARD_ASK).number == CLIPBOARD_TEXT);
    end();
}

/* What the client brings counts as newer than what the session had; what the session copies then, as newer.
 */
static void test_who_has_it(void)
{
    begin(BOTH, false);
    session_offers_early(CLIPBOARD_TEXT);
    nothing_told(); /* not before the client's first list */
    client_empty_list();
    CHECK(client_told_list(true).offer == CLIPBOARD_TEXT);
    nothing_told();
    part->close(state);

    begin(BOTH, false);
    session_offers_early(CLIPBOARD_TEXT);
    client_list();
    CHECK(session_told(CLIPBOARD_OFFER).number == (CLIPBOARD_TEXT | CLIPBOARD_HTML));
    session_offers_early(CLIPBOARD_RTF);
    nothing_told();
    CHECK(session_says(CLIPBOARD_OFFER, 0, CLIPBOARD_RTF, NULL, 0) == NULL);
    CHECK(client_told_list(true).offer == CLIPBOARD_RTF);
    CHECK(session_says(CLIPBOARD_ASK, 1, CLIPBOARD_TEXT, NULL, 0) == NULL); /* the client's is over */
    CHECK(session_told(CLIPBOARD_FAIL).serial == 1);
    end();
}

static void session_copies(uint32_t offer)
{
    CHECK(session_says(CLIPBOARD_OFFER, 0, offer, NULL, 0) == NULL);
    CHECK(client_told_list(true).offer == offer);
}

static void client_answers_list(uint16_t flags)
{
    CHECK(client_says(CLIPRDR_LIST_ANSWER, flags, NULL, 0) == NULL);
}

/* Both copy at the same time: each list is on its way when the other is sent. The client takes the session's,
 * with which its own is gone, or says that it does not. */
static void test_lists_that_cross(void)
{
    begin(BOTH, true);
    session_copies(CLIPBOARD_TEXT);
    client_answers_list(CLIPRDR_OK);
    session_copies(CLIPBOARD_TEXT);
    client_list();
    client_answers_list(CLIPRDR_OK);
    CHECK(session.taken == session.count); /* it keeps what it has, and the client gets that */
    CHECK(client_requests(13) == NULL);
    struct clipboard_packet ask = session_told(CLIPBOARD_ASK);
    CHECK(session_says(CLIPBOARD_DATA, ask.serial, 1, "x", 1) == NULL);
    CHECK(client_told(CLIPRDR_ANSWER).flags == CLIPRDR_OK);

    session_copies(CLIPBOARD_RTF);
    session_copies(CLIPBOARD_TEXT);
    client_list();
    client_answers_list(CLIPRDR_FAILED);
    client_answers_list(CLIPRDR_OK); /* it has the second */
    CHECK(session.taken == session.count);

    session_copies(CLIPBOARD_RTF);
    client_list();
    nothing_told();
    client_answers_list(CLIPRDR_FAILED);
    CHECK(session_told(CLIPBOARD_OFFER).number == (CLIPBOARD_TEXT | CLIPBOARD_HTML));
    CHECK(session_says(CLIPBOARD_ASK, 1, CLIPBOARD_TEXT, NULL, 0) == NULL);
    client_told(CLIPRDR_REQUEST);

    session_copies(CLIPBOARD_RTF);
    client_answers_list(CLIPRDR_OK);
    client_list(); /* the later one, as ever */
    session_told(CLIPBOARD_OFFER);
    client_answers_list(CLIPRDR_FAILED); /* of nothing */

    session_copies(CLIPBOARD_TEXT);
    for (int i = 0; i < 4; i++)
        client_list(); /* and no answer to the session's: it is not waited for any longer */
    nothing_told();
    client_list();
    session_told(CLIPBOARD_OFFER);
    client_list();
    session_told(CLIPBOARD_OFFER);
    end();
}

static void test_program_comes_and_goes(void)
{
    begin(BOTH, true);
    CHECK(session_says(CLIPBOARD_OFFER, 0, CLIPBOARD_TEXT, NULL, 0) == NULL);
    client_told_list(true);
    CHECK(client_requests(13) == NULL && client_requests(13) == NULL);
    session_told(CLIPBOARD_ASK);
    part->session_gone(state);
    CHECK(!client_told_list(true).any);
    client_told_failed();
    client_told_failed();
    nothing_told();
    CHECK(part->session_there(state) == NULL);
    nothing_told();
    client_list();
    session_told(CLIPBOARD_OFFER);
    CHECK(session_says(CLIPBOARD_ASK, 1, CLIPBOARD_TEXT, NULL, 0) == NULL);
    client_told(CLIPRDR_REQUEST);
    part->session_gone(state);
    CHECK(part->session_there(state) == NULL);
    CHECK(session_told(CLIPBOARD_OFFER).number == (CLIPBOARD_TEXT | CLIPBOARD_HTML));
    CHECK(session_says(CLIPBOARD_ASK, 1, CLIPBOARD_HTML, NULL, 0) == NULL);
    CHECK(client_says(CLIPRDR_ANSWER, CLIPRDR_OK, "old", 3) == NULL); /* the answer to the one that died */
    client_told(CLIPRDR_REQUEST);
    CHECK(client_says(CLIPRDR_ANSWER, CLIPRDR_OK, "new", 3) == NULL);
    struct clipboard_packet data = session_told(CLIPBOARD_DATA);
    CHECK(data.size == 3 && memcmp(data.data, "new", 3) == 0);
    end();
}

/* A password stays marked as one, both ways. */
static void test_secrets(void)
{
    uint8_t list[1024];
    begin(BOTH, true);
    size_t size = put_name(list, 13, "");
    size += put_name(list + size, 50000, "ExcludeClipboardContentFromMonitorProcessing");
    CHECK(client_says(CLIPRDR_LIST, 0, list, size) == NULL);
    client_told(CLIPRDR_LIST_ANSWER);
    CHECK(session_told(CLIPBOARD_OFFER).number == (CLIPBOARD_TEXT | CLIPBOARD_SECRET));
    CHECK(session_says(CLIPBOARD_OFFER, 0, CLIPBOARD_TEXT | CLIPBOARD_SECRET, NULL, 0) == NULL);
    struct cliprdr_message message = client_told(CLIPRDR_LIST);
    struct cliprdr_list told;
    CHECK(cliprdr_read_list(&message, true, &told) == NULL);
    CHECK(told.offer == (CLIPBOARD_TEXT | CLIPBOARD_SECRET));
    uint32_t marks = 0;
    for (uint32_t id = 0xC000; id < 0xC100; id++) {
        if (cliprdr_format_of(id) != CLIPBOARD_SECRET)
            continue;
        CHECK(client_requests(id) == NULL);
        struct cliprdr_message answer = client_told(CLIPRDR_ANSWER);
        CHECK(answer.flags == CLIPRDR_OK && answer.size == 4 && memcmp(answer.data, "\0\0\0\0", 4) == 0);
        marks++;
    }
    CHECK(marks == 3);
    end();
}

static void test_short_names(void)
{
    static const char names[][32] = {"HTML Format", "Rich Text Format", "PNG"};
    uint8_t list[36 * 3];
    state = part->open(NULL, BOTH);
    CHECK(state != NULL && part->session_there(state) == NULL);
    for (unsigned unit = 1; unit <= 2; unit++) {
        memset(list, 0, sizeof(list));
        for (size_t i = 0; i < 3; i++) {
            list[36 * i] = (uint8_t)(100 + i);
            for (size_t at = 0; at < 32 / unit - 1; at++)
                list[36 * i + 4 + at * unit] = (uint8_t)names[i][at];
        }
        CHECK(client_says(CLIPRDR_LIST, unit == 1 ? CLIPRDR_ASCII_NAMES : 0, list, sizeof(list)) == NULL);
        client_told(CLIPRDR_LIST_ANSWER);
        CHECK(session_told(CLIPBOARD_OFFER).number == (CLIPBOARD_HTML | CLIPBOARD_RTF | CLIPBOARD_PNG));
        CHECK(client_says(CLIPRDR_LIST, 0, list, sizeof(list) - 1) != NULL);
    }
    CHECK(session_says(CLIPBOARD_OFFER, 0, CLIPBOARD_OFFERS, NULL, 0) == NULL);
    CHECK(client_told_list(false).offer == CLIPBOARD_OFFERS);
    end();
}

/* --- bad input --- */

static const char *raw(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size + (size == 0)); /* so that a sanitizer sees what is read beyond */
    CHECK(exact != NULL);
    memcpy(exact, data, size);
    const char *problem = part->from_client(state, 0, exact, size);
    free(exact);
    forget(&client);
    forget(&session);
    return problem;
}

static void test_client_messages_cut(void)
{
    uint8_t message[1024], capabilities[64], list[1024];
    size_t list_size = client_formats(list), caps_size = cliprdr_write_capabilities(capabilities, 64);
    struct {
        unsigned type;
        const uint8_t *data;
        size_t size;
    } cases[] = {
        {CLIPRDR_CAPABILITIES, capabilities + CLIPRDR_HEAD, caps_size - CLIPRDR_HEAD},
        {CLIPRDR_LIST, list, list_size},
        {CLIPRDR_REQUEST, (const uint8_t *)"\15\0\0\0", 4},
    };
    begin(BOTH, true);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t whole = CLIPRDR_HEAD + cases[i].size;
        cliprdr_write_head(message, (uint16_t)cases[i].type, 0, cases[i].size);
        memcpy(message + CLIPRDR_HEAD, cases[i].data, cases[i].size);
        CHECK(raw(message, whole) == NULL);
        CHECK(raw(message, whole + 4) == NULL);
        CHECK(raw(message, whole + 5) != NULL);
        for (size_t cut = 0; cut < whole; cut++) {
            cliprdr_write_head(message, (uint16_t)cases[i].type, 0, cases[i].size);
            CHECK(raw(message, cut) != NULL);
            if (cut < CLIPRDR_HEAD)
                continue;
            cliprdr_write_head(message, (uint16_t)cases[i].type, 0, cut - CLIPRDR_HEAD);
            bool list_ends = cases[i].type == CLIPRDR_LIST &&
                             (cut == CLIPRDR_HEAD || cut == CLIPRDR_HEAD + 6 || cut == CLIPRDR_HEAD + 34);
            CHECK((raw(message, cut) == NULL) == list_ends);
        }
    }
    end();
}

static void test_client_messages_wrong(void)
{
    static uint8_t list[6 * 1025];
    begin(BOTH, true);
    CHECK(client_says(0, 0, NULL, 0) != NULL);
    CHECK(client_says(CLIPRDR_TYPES, 0, NULL, 0) != NULL);
    CHECK(client_says(0xFFFF, 0, NULL, 0) != NULL);
    CHECK(client_says(CLIPRDR_MONITOR_READY, 0, NULL, 0) != NULL);
    CHECK(client_says(CLIPRDR_CAPABILITIES, 0, "\xFF\xFF\0\0", 4) != NULL);     /* 65535 sets, none there */
    CHECK(client_says(CLIPRDR_CAPABILITIES, 0, "\1\0\0\0\2\0\0\0", 8) != NULL); /* a set of no bytes */
    CHECK(client_says(CLIPRDR_CAPABILITIES, 0, "\1\0\0\0\1\0\4\0", 8) != NULL); /* a cut set */
    CHECK(client_says(CLIPRDR_CAPABILITIES, 0, "\1\0\0\0\2\0\xFF\xFF", 8) != NULL); /* longer than it all */
    uint8_t huge[CLIPRDR_HEAD];
    cliprdr_write_head(huge, CLIPRDR_ANSWER, CLIPRDR_OK, 0xFFFFFFFF);
    CHECK(raw(huge, sizeof(huge)) != NULL);
    nothing_told();
    for (size_t i = 0; i < 1025; i++)
        list[6 * i] = 13;
    CHECK(client_says(CLIPRDR_LIST, 0, list, 6 * 1024) == NULL);
    CHECK(client_says(CLIPRDR_LIST, 0, list, 6 * 1025) != NULL);
    forget(&client);
    forget(&session);
    CHECK(client_says(CLIPRDR_FILE_REQUEST, 0, "\5\0\0\0and the rest", 16) == NULL);
    struct cliprdr_message answer = client_told(CLIPRDR_FILE_ANSWER);
    CHECK(answer.flags == CLIPRDR_FAILED && answer.size == 4 && answer.data[0] == 5);
    CHECK(client_says(CLIPRDR_FILE_REQUEST, 0, "\5\0\0", 3) != NULL);
    CHECK(client_says(CLIPRDR_FILE_ANSWER, CLIPRDR_OK, "\5\0\0\0x", 5) == NULL);
    CHECK(client_says(CLIPRDR_LOCK, 0, "\5\0\0\0", 4) == NULL);
    CHECK(client_says(CLIPRDR_UNLOCK, 0, "\5\0\0\0", 4) == NULL);
    end();
}

static void test_session_packets_wrong(void)
{
    static const struct {
        uint8_t bytes[13];
        size_t size;
    } bad[] = {
        {{2, 1, 0, 0, 0, 0, 0, 0, 1}, 12},                                       /* version */
        {{1, 0, 0, 0, 0, 0, 0, 0, 1}, 12},                                       /* types */
        {{1, 6, 0, 0, 0, 0, 0, 0, 1}, 12},  {{1, 1, 2, 0, 0, 0, 0, 0, 1}, 12},   /* flags */
        {{1, 2, 1, 0, 0, 0, 0, 0, 1}, 12},  {{1, 1, 0, 0, 0, 0, 0, 0, 128}, 12}, /* formats */
        {{1, 1, 0, 0, 0, 0, 0, 0, 64}, 12}, {{1, 1, 0, 0, 9, 0, 0, 0, 1}, 12},
        {{1, 2, 0, 0, 0, 0, 0, 0, 0}, 12},  {{1, 2, 0, 0, 0, 0, 0, 0, 3}, 12},
        {{1, 2, 0, 0, 0, 0, 0, 0, 64}, 12}, {{1, 4, 0, 0, 0, 0, 0, 0, 1}, 12}, /* numbers */
        {{1, 5, 0, 0, 0, 0, 0, 0, 1}, 12},  {{1, 1, 0, 0, 0, 0, 0, 0, 1}, 13}, /* trailing */
        {{1, 2, 0, 0, 0, 0, 0, 0, 1}, 13},  {{1, 4, 0, 0, 0, 0, 0, 0, 0}, 13},
    };
    uint8_t good[12] = {1, 1, 0, 0, 0, 0, 0, 0, 1};
    begin(BOTH, true);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(part->from_session(state, bad[i].bytes, bad[i].size) != NULL);
    for (size_t cut = 0; cut < sizeof(good); cut++)
        CHECK(part->from_session(state, good, cut) != NULL);
    nothing_told();
    CHECK(part->from_session(state, good, sizeof(good)) == NULL);
    client_told_list(true);
    end();
}

int main(void)
{
    test_in();
    test_in_large();
    test_asks_bounded_and_forgotten();
    test_out();
    test_out_bounds();
    test_in_only();
    test_out_only();
    test_who_has_it();
    test_lists_that_cross();
    test_program_comes_and_goes();
    test_secrets();
    test_short_names();
    test_client_messages_cut();
    test_client_messages_wrong();
    test_session_packets_wrong();
    return 0;
}
