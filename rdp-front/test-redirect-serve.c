/* The two ends of a kind of redirection, to a client's channels and a program that are played: what waits for
 * either has a bound. */
#include <event2/event.h>
#include <freerdp/channels/wtsvc.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/packet.h"
#include "rdp-front/worker-state.h"
#include "tests/check.h"

#define F          CHANNEL_FLAG_FIRST
#define L          CHANNEL_FLAG_LAST
#define STATIC_ID  7
#define DRDYNVC_ID 8
#define MESSAGE    60000
#define STATIC     0
#define DYNAMIC    1

/* --- the part --- */

static struct {
    struct redirect *redirect;
    bool open;
    size_t got[REDIRECT_CHANNELS], gone;
    size_t answer, pass; /* bytes that a client's message has sent on */
} part;

static uint8_t bytes[1u << 20];

static void *part_open(struct redirect *redirect, uint32_t bits)
{
    CHECK(bits == (REDIRECT_PLAYBACK | REDIRECT_CAPTURE));
    memset(&part, 0, sizeof(part));
    part.redirect = redirect;
    part.open = true;
    return &part;
}

static void part_close(void *state)
{
    CHECK(state == &part && part.open);
    part.open = false;
}

static const char *part_client_there(void *state, unsigned channel)
{
    CHECK(state == &part && channel < REDIRECT_CHANNELS);
    return NULL;
}

static const char *part_from_client(void *state, unsigned channel, const uint8_t *data, size_t size)
{
    CHECK(state == &part && data != NULL && size == MESSAGE);
    part.got[channel]++;
    if (part.answer > 0)
        redirect_to_client(part.redirect, STATIC, bytes, part.answer);
    if (part.pass > 0)
        redirect_to_session(part.redirect, bytes, part.pass);
    return NULL;
}

static const char *part_session_there(void *state)
{
    CHECK(state == &part);
    return NULL;
}

static void part_session_gone(void *state)
{
    CHECK(state == &part);
    part.gone++;
}

static const char *part_from_session(void *state, const uint8_t *data, size_t size)
{
    CHECK(state == &part && data != NULL && size > 0);
    return NULL;
}

static const struct redirect_part played = {
    .channels = {{"static", false, REDIRECT_PLAYBACK}, {"dynamic", true, REDIRECT_CAPTURE}},
    .client_most = MESSAGE,
    .open = part_open,
    .close = part_close,
    .client_there = part_client_there,
    .from_client = part_from_client,
    .session_there = part_session_there,
    .session_gone = part_session_gone,
    .from_session = part_from_session,
};
const struct redirect_part *const redirect_parts[REDIRECT_KINDS] = {[REDIRECT_KIND_AUDIO] = &played};

void channel_redirect(struct worker *worker, unsigned kind, uint32_t bits)
{
    CHECK(worker != NULL && kind == REDIRECT_KIND_AUDIO && bits != 0);
}

/* --- the library --- */

static struct {
    size_t unread[REDIRECT_CHANNELS], kept, open; /* open: channels */
    void *ended;                                  /* one that the client has closed */
    bool blocked;
} library;

UINT16 WTSChannelGetId(freerdp_peer *peer, const char *name)
{
    CHECK(peer != NULL);
    return strcmp(name, "static") == 0 ? STATIC_ID : DRDYNVC_ID;
}

static BOOL library_receives(freerdp_peer *peer, UINT16 id, const BYTE *data, size_t size, UINT32 flags,
                             size_t total)
{
    CHECK(peer != NULL && data != NULL && total >= size);
    library.kept += size;
    if (flags & L)
        library.unread[id == STATIC_ID ? STATIC : DYNAMIC]++;
    return TRUE;
}

static BOOL is_blocked(freerdp_peer *peer)
{
    CHECK(peer != NULL);
    return library.blocked;
}

static BOOL sends(freerdp_peer *peer, UINT16 id, size_t total, UINT32 flags, const BYTE *data, size_t size)
{
    CHECK(peer != NULL && id == STATIC_ID && size <= total && data != NULL);
    return (flags & ~(F | L)) == 0;
}

enum virtual_channel_state virtual_channel_open(struct virtual_channel *channel_r, HANDLE vcm,
                                                const char *name, bool dynamic)
{
    CHECK(vcm == NULL && name != NULL);
    library.open++;
    *channel_r = (struct virtual_channel){&library.unread[dynamic ? DYNAMIC : STATIC], dynamic, true};
    return VIRTUAL_CHANNEL_OPEN;
}

bool virtual_channel_ready(struct virtual_channel *channel)
{
    return channel->handle != NULL;
}

long virtual_channel_next(struct virtual_channel *channel)
{
    return *(size_t *)channel->handle > 0 ? MESSAGE : channel->handle == library.ended ? -1 : 0;
}

bool virtual_channel_read(struct virtual_channel *channel, void *data, size_t size)
{
    memset(data, 'x', size);
    *(size_t *)channel->handle -= 1;
    return true;
}

bool virtual_channel_write(struct virtual_channel *channel, const void *data, size_t size)
{
    return channel->handle != NULL && data != NULL && size > 0;
}

void virtual_channel_close(struct virtual_channel *channel)
{
    library.open -= channel->handle != NULL;
    *channel = (struct virtual_channel){0};
}

/* --- the worker --- */

struct bed {
    struct worker worker;
    freerdp_peer peer;
    rdpContext context;
    int program;
};

static struct bed *bed_open(void)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    int pair[2];
    memset(&library, 0, sizeof(library));
    CHECK(bed != NULL && packet_pair(pair) == 0);
    bed->worker = (struct worker){.base = event_base_new(), .peer = &bed->peer, .socket = -1};
    bed->worker.stage = STAGE_ATTACHED;
    bed->peer = (freerdp_peer){.context = &bed->context,
                               .ContextExtra = &bed->worker,
                               .ReceiveChannelData = library_receives,
                               .SendChannelPacket = sends,
                               .IsWriteBlocked = is_blocked};
    bed->context.settings = freerdp_settings_new(0);
    bed->worker.redirects = redirects_new(&bed->worker);
    CHECK(bed->worker.base != NULL && bed->context.settings != NULL && bed->worker.redirects != NULL);
    redirects_bound(bed->worker.redirects);
    redirects_allow(bed->worker.redirects, REDIRECT_PLAYBACK | REDIRECT_CAPTURE);
    redirects_poll(bed->worker.redirects);
    CHECK(part.open);
    redirects_program(bed->worker.redirects, REDIRECT_KIND_AUDIO, pair[0]);
    bed->program = pair[1];
    return bed;
}

static void bed_close(struct bed *bed)
{
    redirects_free(bed->worker.redirects);
    CHECK(!part.open);
    freerdp_settings_free(bed->context.settings);
    event_base_free(bed->worker.base);
    close_descriptor(&bed->program);
    free(bed);
}

static bool client_says(struct bed *bed, uint16_t id)
{
    return bed->peer.ReceiveChannelData(&bed->peer, id, bytes, MESSAGE, F | L, MESSAGE);
}

/* Of a program that reads all comes through, however many there are. */
static void test_all_is_read(void)
{
    struct bed *bed = bed_open();
    for (int i = 0; i < 1000; i++)
        CHECK(client_says(bed, STATIC_ID) && client_says(bed, DRDYNVC_ID));
    redirects_poll(bed->worker.redirects);
    CHECK(part.got[STATIC] == 1000 && part.got[DYNAMIC] == 1000);
    bed_close(bed);
}

/* What came while the program did not read is read in the turn in which it does. */
static void test_backlog(void)
{
    struct bed *bed = bed_open();
    size_t none = 0, read = 0;
    part.pass = MESSAGE;
    for (int i = 0; i < 20; i++)
        CHECK(client_says(bed, STATIC_ID));
    for (int turns = 0; turns < 100 && read < 20; turns++) {
        size_t before = part.got[STATIC];
        redirects_poll(bed->worker.redirects);
        CHECK(part.got[STATIC] > before || before == 20);
        while (packet_receive(bed->program, bytes, sizeof(bytes), NULL, &none) == MESSAGE)
            read++;
    }
    CHECK(read == 20 && part.open && part.gone == 0);
    bed_close(bed);
}

/* The program does not read: the kind ends before the library keeps more than its bound. */
static void test_flood(void)
{
    struct bed *bed = bed_open();
    part.pass = MESSAGE;
    for (int i = 0; i < 5000 && part.open; i++) {
        CHECK(client_says(bed, STATIC_ID));
        redirects_poll(bed->worker.redirects);
    }
    CHECK(!part.open && library.kept <= 160u << 20);
    bed_close(bed);
}

/* Sound comes whether the program reads or not: it is the program that is given up. */
static void test_sound_flood(void)
{
    struct bed *bed = bed_open();
    part.pass = MESSAGE;
    for (int i = 0; i < 5000 && part.gone == 0; i++) {
        CHECK(client_says(bed, DRDYNVC_ID));
        redirects_poll(bed->worker.redirects);
    }
    CHECK(part.open && part.gone == 1 && library.kept <= 40u << 20);
    bed_close(bed);
}

/* The client asks, and does not take the answers. */
static void test_client_takes_nothing(void)
{
    struct bed *bed = bed_open();
    part.answer = sizeof(bytes);
    library.blocked = true;
    for (int i = 0; i < 200 && part.open; i++) {
        CHECK(client_says(bed, STATIC_ID));
        redirects_poll(bed->worker.redirects);
    }
    CHECK(!part.open && part.got[STATIC] <= 64);
    bed_close(bed);
}

/* A client that goes from session to session is not one whose programs end. */
static void test_moves(void)
{
    struct bed *bed = bed_open();
    for (int i = 0; i < 20; i++) {
        redirects_session_gone(bed->worker.redirects);
        redirects_session_there(bed->worker.redirects);
    }
    CHECK(part.open && part.gone == 1);
    bed_close(bed);
}

/* The client closes its microphone: the rest goes on, and the channel is not opened again; then the rest. */
static void test_client_closes_one(void)
{
    struct bed *bed = bed_open();
    CHECK(client_says(bed, DRDYNVC_ID));
    library.ended = &library.unread[DYNAMIC];
    redirects_poll(bed->worker.redirects);
    CHECK(part.open && part.got[DYNAMIC] == 1 && library.open == 1);
    CHECK(redirects_in_use(bed->worker.redirects) == REDIRECT_PLAYBACK);
    redirect_channel_renew(part.redirect, DYNAMIC); /* as when the last program stops recording */
    CHECK(client_says(bed, STATIC_ID));
    redirects_poll(bed->worker.redirects);
    redirects_poll(bed->worker.redirects);
    CHECK(part.open && part.got[STATIC] == 1 && library.open == 1);
    library.ended = &library.unread[STATIC];
    redirects_poll(bed->worker.redirects);
    CHECK(!part.open && library.open == 0 && redirects_in_use(bed->worker.redirects) == 0);
    bed_close(bed);
}

/* When the session is over the channels are closed, the microphone's too, and stay so. */
static void test_end(void)
{
    struct bed *bed = bed_open();
    redirects_end(bed->worker.redirects);
    CHECK(!part.open && library.open == 0);
    redirects_end(bed->worker.redirects);
    redirects_poll(bed->worker.redirects);
    CHECK(!part.open && library.open == 0 && client_says(bed, STATIC_ID));
    bed_close(bed);
}

int main(void)
{
    test_all_is_read();
    test_backlog();
    test_flood();
    test_sound_flood();
    test_client_takes_nothing();
    test_moves();
    test_client_closes_one();
    test_end();
    return 0;
}
