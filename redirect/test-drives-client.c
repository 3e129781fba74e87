#include <errno.h>

#include "common/wire.h"
#include "redirect/drives-client.h"
#include "redirect/drives-format.h"
#include "tests/check.h"

#define MANY 1000

static uint32_t tags[MANY * 2], majors[MANY * 2];
static size_t sent, room;
static int trouble;

static int send_kept(void *user, const void *data, size_t size)
{
    struct wire_reader reader = wire_reader_over(data, size);
    (void)user;
    if (trouble != 0 || sent == room)
        return trouble != 0 ? trouble : -EAGAIN;
    CHECK(wire_get_u8(&reader) == DRIVES_REQUEST);
    tags[sent] = wire_get_u32(&reader);
    wire_get_u64(&reader);
    majors[sent++] = wire_get_u32(&reader);
    return 0;
}

struct asked {
    int answers;
    uint32_t status;
    size_t size;
};

static void on_answer(void *user, uint32_t status, const uint8_t *body, size_t size)
{
    struct asked *asked = user;
    (void)body;
    asked->answers++;
    asked->status = status;
    asked->size = size;
}

static void ask(struct client *client, enum drives_major major, int64_t now, struct asked *asked)
{
    static const uint8_t head[DRIVES_BODY_HEAD];
    struct client_question question = {.major = major, .device = 1, .file = 2, .head = head};
    CHECK(client_ask(client, &question, now, on_answer, asked));
}

static struct client *begin(void)
{
    sent = 0;
    trouble = 0;
    room = MANY * 2;
    struct client *client = client_new(send_kept, NULL);
    CHECK(client != NULL);
    return client;
}

/* A bounded number is under way; answers in any order; each once. */
static void test_order(void)
{
    static struct asked asked[MANY];
    struct client *client = begin();
    memset(asked, 0, sizeof(asked));
    for (size_t i = 0; i < MANY; i++)
        ask(client, DRIVES_READ, 0, &asked[i]);
    size_t answered = 0;
    while (answered < MANY) {
        CHECK(client_flush(client, 1) && sent - answered <= CLIENT_WINDOW);
        CHECK(sent == (answered + CLIENT_WINDOW < MANY ? answered + CLIENT_WINDOW : MANY));
        for (size_t i = sent; i-- > answered;)
            client_answer(client, tags[i], (uint32_t)i, NULL, 0, 1);
        client_answer(client, tags[answered], 99, NULL, 0, 1);
        client_answer(client, 0xFFFFFFFF, 99, NULL, 0, 1);
        answered = sent;
    }
    for (uint32_t i = 0; i < MANY; i++)
        CHECK(asked[i].answers == 1 && asked[i].status == i);
    CHECK(client_wait_ms(client, 1) == -1);
    client_free(client);
}

static void test_worker_that_does_not_read(void)
{
    static struct asked asked[3];
    struct client *client = begin();
    room = 1;
    for (size_t i = 0; i < 3; i++)
        ask(client, DRIVES_READ, 0, &asked[i]);
    CHECK(client_flush(client, 0) && sent == 1 && client_is_blocked(client));
    room = 3;
    CHECK(client_flush(client, 0) && sent == 3 && !client_is_blocked(client));
    ask(client, DRIVES_READ, 0, &asked[0]);
    trouble = -EPIPE;
    CHECK(!client_flush(client, 0));
    client_free(client);
}

/* A client that says nothing; one that says something, but not this; who waits is to be ended. */
static void test_time(void)
{
    struct asked one = {0}, two = {0};
    struct client *client = begin();
    ask(client, DRIVES_READ, 1000, &one);
    CHECK(client_flush(client, 1000) && client_wait_ms(client, 1000) == CLIENT_SILENT_MS);
    client_expire(client, 1000 + CLIENT_SILENT_MS - 1);
    CHECK(one.answers == 0);
    client_expire(client, 1000 + CLIENT_SILENT_MS);
    CHECK(one.answers == 1 && one.status == STATUS_IO_TIMEOUT);
    int64_t now = 200000;
    ask(client, DRIVES_READ, now, &two);
    CHECK(client_flush(client, now));
    for (; now < 200000 + CLIENT_LATE_MS; now += 10000) {
        client_answer(client, 12345, 0, NULL, 0, now);
        client_expire(client, now);
        CHECK(two.answers == 0);
    }
    client_expire(client, 200000 + CLIENT_LATE_MS);
    CHECK(two.answers == 1 && two.status == STATUS_IO_TIMEOUT);
    ask(client, DRIVES_READ, 1000000, &one);
    ask(client, DRIVES_READ, 1000000, &two);
    client_hurry(client, &one, 1000000);
    CHECK(client_wait_ms(client, 1000000) == CLIENT_HURRIED_MS);
    client_expire(client, 1000000 + CLIENT_HURRIED_MS);
    CHECK(one.answers == 2 && two.answers == 1);
    client_free(client);
}

/* A file that the client opens when nobody waits for it any more is closed. */
static void test_opened_late(void)
{
    static const uint8_t body[5] = {7, 0, 0, 0, 1};
    struct asked one = {0};
    struct client *client = begin();
    ask(client, DRIVES_CREATE, 0, &one);
    CHECK(client_flush(client, 0));
    client_expire(client, CLIENT_SILENT_MS);
    CHECK(one.answers == 1 && sent == 1);
    client_answer(client, tags[0], 0, body, sizeof(body), CLIENT_SILENT_MS + 1);
    CHECK(client_flush(client, CLIENT_SILENT_MS + 1) && sent == 2 && majors[1] == DRIVES_CLOSE &&
          one.answers == 1);
    client_answer(client, tags[0], 0, body, sizeof(body), CLIENT_SILENT_MS + 1);
    CHECK(client_flush(client, CLIENT_SILENT_MS + 1) && sent == 2);
    client_free(client);
}

static void test_drive_gone(void)
{
    static struct asked asked[CLIENT_WINDOW + 1];
    const uint32_t other = 9, device = 1;
    struct client *client = begin();
    memset(asked, 0, sizeof(asked));
    for (size_t i = 0; i <= CLIENT_WINDOW; i++)
        ask(client, DRIVES_READ, 0, &asked[i]);
    CHECK(client_flush(client, 0));
    client_fail(client, &other, 1);
    CHECK(asked[0].answers == 0);
    client_fail(client, &device, DRIVES_STATUS_NO_DEVICE);
    for (size_t i = 0; i <= CLIENT_WINDOW; i++)
        CHECK(asked[i].answers == 1 && asked[i].status == DRIVES_STATUS_NO_DEVICE);
    client_answer(client, tags[0], 0, NULL, 0, 0);
    CHECK(asked[0].answers == 1);
    client_free(client);
}

int main(void)
{
    test_order();
    test_worker_that_does_not_read();
    test_time();
    test_opened_late();
    test_drive_gone();
    return 0;
}
