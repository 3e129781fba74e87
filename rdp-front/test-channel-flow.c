/* Pieces of messages of static virtual channels, to a client that is played. */
#include <freerdp/svc.h>

#include "rdp-front/channel-flow.h"
#include "tests/check.h"

#define F CHANNEL_FLAG_FIRST
#define L CHANNEL_FLAG_LAST

static void test_bounds(void)
{
    struct channel_bounds bounds = {0};
    CHECK(channel_bounds_take(&bounds, 7, 10, F | L, 10, 100) == CHANNEL_TAKE);
    CHECK(!channel_bounds_midway(&bounds, 7));
    CHECK(channel_bounds_take(&bounds, 7, 60, F, 100, 100) == CHANNEL_TAKE);
    CHECK(channel_bounds_midway(&bounds, 7) && !channel_bounds_midway(&bounds, 8));
    CHECK(channel_bounds_take(&bounds, 8, 1, F | L, 1, 100) == CHANNEL_TAKE); /* another one between */
    CHECK(channel_bounds_take(&bounds, 7, 40, L, 100, 100) == CHANNEL_TAKE);
    CHECK(!channel_bounds_midway(&bounds, 7));
    /* too long: dropped to its end, and the next is taken */
    CHECK(channel_bounds_take(&bounds, 7, 50, F, 101, 100) == CHANNEL_DROP);
    CHECK(channel_bounds_take(&bounds, 7, 50, 0, 101, 100) == CHANNEL_DROP);
    CHECK(channel_bounds_take(&bounds, 7, 1, L, 101, 100) == CHANNEL_DROP);
    CHECK(channel_bounds_take(&bounds, 7, 10, F | L, 10, 100) == CHANNEL_TAKE);
    /* more than it said, at once or piece by piece; or it says more in the middle */
    CHECK(channel_bounds_take(&bounds, 7, 11, F | L, 10, 100) == CHANNEL_BREAK);
    CHECK(channel_bounds_take(&bounds, 7, 60, F, 100, 100) == CHANNEL_TAKE);
    CHECK(channel_bounds_take(&bounds, 7, 41, 0, 100, 100) == CHANNEL_BREAK);
    CHECK(channel_bounds_take(&bounds, 7, 60, F, 100, 100) == CHANNEL_TAKE);
    CHECK(channel_bounds_take(&bounds, 7, 60, 0, SIZE_MAX, 100) == CHANNEL_BREAK);
    CHECK(channel_bounds_take(&bounds, 7, SIZE_MAX, 0, 100, 100) == CHANNEL_BREAK);
    CHECK(channel_bounds_take(&bounds, 7, 60, F, 100, 100) == CHANNEL_TAKE);
    CHECK(channel_bounds_take(&bounds, 7, 60, 0, 50, 100) == CHANNEL_BREAK); /* or less than has come */
    CHECK(channel_bounds_take(&bounds, 7, 0, F, 0, 100) == CHANNEL_TAKE);
    for (uint16_t id = 100; id < 100 + CHANNELS_MOST - 2; id++)
        CHECK(channel_bounds_take(&bounds, id, 1, F | L, 1, 100) == CHANNEL_TAKE);
    CHECK(channel_bounds_take(&bounds, 999, 1, F | L, 1, 100) == CHANNEL_BREAK);
}

static bool fits(const struct channel_bounds *bounds, const char *head, size_t size, uint32_t flags)
{
    return channel_bounds_dynamic(bounds, 7, (const uint8_t *)head, size, flags, 0x100);
}

/* The first message of a dynamic channel: a head, its number, how long it is. */
static void test_dynamic(void)
{
    struct channel_bounds bounds = {0};
    CHECK(fits(&bounds, "\x20\x01\xff", 3, F | L));
    CHECK(fits(&bounds, "\x24\x01\x00\x01", 4, F | L));
    CHECK(!fits(&bounds, "\x24\x01\x01\x01", 4, F | L));
    CHECK(!fits(&bounds, "\x2a\x01\x00\x00\x00\x00\x00\x00\x80", 9, F | L));
    CHECK(fits(&bounds, "\x2a\x01\x00\x00\x00\x00\x01\x00\x00", 9, F));
    CHECK(!fits(&bounds, "\x2a\x01\x00\x00\x00\x00\x00\x00", 8, F));     /* the rest in another piece */
    CHECK(!fits(&bounds, "\x2a\x01\x00\x00\x00\x00\x00\x00\x80", 9, L)); /* a beginning that says nothing */
    CHECK(fits(&bounds, "\x30\x01\xff\xff", 4, F | L));                  /* another kind */
    CHECK(fits(&bounds, "", 0, F));
    CHECK(channel_bounds_take(&bounds, 7, 1, F, 20, 100) == CHANNEL_TAKE);
    CHECK(fits(&bounds, "\x2a\x01\x00\x00\x00\x00\x00\x00\x80", 9, 0)); /* no head: the middle */
    CHECK(!fits(&bounds, "\x2a\x01\x00\x00\x00\x00\x00\x00\x80", 9, F));
}

/* --- the client --- */

static struct {
    uint8_t bytes[64];
    size_t used, pieces, takes, total;
    uint32_t flags[16];
    bool broken;
} client;

static BOOL on_packet(freerdp_peer *peer, UINT16 id, size_t total, UINT32 flags, const BYTE *data,
                      size_t size)
{
    CHECK(peer != NULL && id == 7 && client.takes > 0);
    client.takes--;
    client.total = total;
    client.flags[client.pieces++] = flags;
    memcpy(client.bytes + client.used, data, size);
    client.used += size;
    return !client.broken;
}

static BOOL is_blocked(freerdp_peer *peer)
{
    CHECK(peer != NULL);
    return client.takes == 0;
}

static void test_queue(void)
{
    freerdp_peer peer = {.SendChannelPacket = on_packet, .IsWriteBlocked = is_blocked};
    struct channel_queue queue;
    channel_queue_init(&queue, &peer, 7, 4);
    CHECK(channel_queue_pump(&queue, 100) && !channel_queue_waits(&queue));
    CHECK(channel_queue_add(&queue, "0123456789", 10));
    CHECK(channel_queue_add(&queue, "abcd", 4));
    client.takes = 16;
    CHECK(channel_queue_pump(&queue, 8) && client.used == 8 && channel_queue_waits(&queue));
    client.takes = 1;
    CHECK(channel_queue_pump(&queue, 100) && client.used == 10 && client.total == 10);
    CHECK(channel_queue_waits(&queue));
    client.takes = 16;
    CHECK(channel_queue_pump(&queue, 100) && client.used == 14 && client.total == 4);
    CHECK(!channel_queue_waits(&queue) && memcmp(client.bytes, "0123456789abcd", 14) == 0);
    CHECK(client.pieces == 4 && client.flags[0] == F && client.flags[1] == 0 && client.flags[2] == L);
    CHECK(client.flags[3] == (F | L));
    client.broken = true;
    CHECK(channel_queue_add(&queue, "x", 1) && channel_queue_add(&queue, "y", 1));
    CHECK(!channel_queue_pump(&queue, 100));
    channel_queue_finish(&queue);
    CHECK(!channel_queue_waits(&queue));
}

/* A client that asks and does not take the answers: there is an end to what is kept for it. */
static void test_queue_is_bounded(void)
{
    static const uint8_t large[1u << 20];
    freerdp_peer peer = {.SendChannelPacket = on_packet, .IsWriteBlocked = is_blocked};
    struct channel_queue queue;
    size_t count = 0;
    client.takes = 0;
    channel_queue_init(&queue, &peer, 7, 4);
    while (count < 100 && channel_queue_add(&queue, large, sizeof(large)))
        count++;
    CHECK(count == 63); /* keeping them takes something too */
    channel_queue_finish(&queue);
    CHECK(queue.waiting == 0 && channel_queue_add(&queue, "x", 1) && queue.waiting > 1);
    CHECK(channel_queue_add(&queue, large, sizeof(large)));
    channel_queue_finish(&queue);
}

int main(void)
{
    test_bounds();
    test_dynamic();
    test_queue();
    test_queue_is_bounded();
    return 0;
}
