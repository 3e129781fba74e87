#include "redirect/drives-client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/wire.h"
#include "redirect/drives-format.h"

struct question {
    struct question *next;
    client_answered answered;
    void *user;
    uint32_t tag, device;
    bool opens;
    int64_t asked_ms, last_ms; /* last: hurried, an answer is worth nothing after it; 0: not */
    size_t size;
    uint8_t packet[];
};

struct list {
    struct question *first, **last;
    size_t count;
};

struct client {
    client_sends send;
    void *user;
    struct list waiting, under_way;
    struct list given_up; /* openings that nobody waits for: what they open after all is closed */
    uint32_t tag;
    int64_t heard_ms;
    bool blocked;
};

static void list_init(struct list *list)
{
    *list = (struct list){.last = &list->first};
}

static void list_add(struct list *list, struct question *question)
{
    question->next = NULL;
    *list->last = question;
    list->last = &question->next;
    list->count++;
}

static struct question *list_take(struct list *list, struct question **at)
{
    struct question *question = *at;
    *at = question->next;
    if (list->last == &question->next)
        list->last = at;
    list->count--;
    return question;
}

static void list_free(struct list *list)
{
    while (list->first != NULL)
        free(list_take(list, &list->first));
}

struct client *client_new(client_sends send, void *user)
{
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        return NULL;
    client->send = send;
    client->user = user;
    list_init(&client->waiting);
    list_init(&client->under_way);
    list_init(&client->given_up);
    return client;
}

void client_free(struct client *client)
{
    if (client == NULL)
        return;
    list_free(&client->waiting);
    list_free(&client->under_way);
    list_free(&client->given_up);
    free(client);
}

bool client_ask(struct client *client, const struct client_question *question, int64_t now_ms,
                client_answered answered, void *user)
{
    size_t size = DRIVES_REQUEST_HEAD + DRIVES_BODY_HEAD + question->size;
    struct question *asked = malloc(sizeof(*asked) + size);
    if (asked == NULL)
        return false;
    *asked = (struct question){.answered = answered,
                               .user = user,
                               .tag = ++client->tag,
                               .device = question->device,
                               .opens = question->major == DRIVES_CREATE,
                               .asked_ms = now_ms,
                               .size = size};
    struct wire_writer writer = wire_writer_over(asked->packet, size);
    wire_put_u8(&writer, DRIVES_REQUEST);
    wire_put_u32(&writer, asked->tag);
    wire_put_u32(&writer, question->device);
    wire_put_u32(&writer, question->file);
    wire_put_u32(&writer, question->major);
    wire_put_u32(&writer, question->major == DRIVES_DIRECTORY ? DRIVES_QUERY_DIRECTORY : 0);
    wire_put_bytes(&writer, question->head, DRIVES_BODY_HEAD);
    wire_put_bytes(&writer, question->data, question->size);
    /* A client that was asked nothing for long was not silent. */
    if (client->waiting.count + client->under_way.count == 0)
        client->heard_ms = now_ms;
    list_add(&client->waiting, asked);
    return true;
}

bool client_flush(struct client *client, int64_t now_ms)
{
    client->blocked = false;
    while (client->waiting.first != NULL && client->under_way.count < CLIENT_WINDOW) {
        struct question *question = client->waiting.first;
        int failed = client->send(client->user, question->packet, question->size);
        if (failed == -EAGAIN) {
            client->blocked = true;
            return true;
        }
        if (failed)
            return false;
        list_take(&client->waiting, &client->waiting.first);
        question->asked_ms = now_ms;
        list_add(&client->under_way, question);
    }
    return true;
}

bool client_is_blocked(const struct client *client)
{
    return client->blocked;
}

static struct question *take_tagged(struct list *list, uint32_t tag)
{
    struct question **at = &list->first;
    while (*at != NULL && (*at)->tag != tag)
        at = &(*at)->next;
    return *at != NULL ? list_take(list, at) : NULL;
}

static void closed(void *user, uint32_t status, const uint8_t *body, size_t size)
{
    (void)user, (void)status, (void)body, (void)size;
}

void client_close(struct client *client, uint32_t device, uint32_t file, int64_t now_ms)
{
    static const uint8_t head[DRIVES_BODY_HEAD];
    struct client_question question = {.major = DRIVES_CLOSE, .device = device, .file = file, .head = head};
    client_ask(client, &question, now_ms, closed, NULL);
}

static void close_opened(struct client *client, uint32_t tag, uint32_t status, const uint8_t *body,
                         size_t size, int64_t now_ms)
{
    uint32_t file;
    struct question *question = take_tagged(&client->given_up, tag);
    if (question != NULL && status == DRIVES_STATUS_SUCCESS && format_read_file_id(body, size, &file))
        client_close(client, question->device, file, now_ms);
    free(question);
}

void client_answer(struct client *client, uint32_t tag, uint32_t status, const uint8_t *body, size_t size,
                   int64_t now_ms)
{
    client->heard_ms = now_ms;
    struct question *question = take_tagged(&client->under_way, tag);
    if (question == NULL) {
        close_opened(client, tag, status, body, size, now_ms);
        return;
    }
    question->answered(question->user, status, body, size);
    free(question);
}

static int64_t last_of(const struct client *client, const struct question *question)
{
    int64_t asked = question->asked_ms, since = asked > client->heard_ms ? asked : client->heard_ms;
    int64_t last = since + CLIENT_SILENT_MS;
    if (last > asked + CLIENT_LATE_MS)
        last = asked + CLIENT_LATE_MS;
    return question->last_ms != 0 && question->last_ms < last ? question->last_ms : last;
}

/* Answers for the client what `over` says of; those who get it may ask anew meanwhile. */
static void answer_where(struct client *client, struct list *list,
                         bool (*over)(const struct client *client, const struct question *question,
                                      const void *what),
                         const void *what, uint32_t status)
{
    struct list taken;
    list_init(&taken);
    for (struct question **at = &list->first; *at != NULL;) {
        if (over(client, *at, what))
            list_add(&taken, list_take(list, at));
        else
            at = &(*at)->next;
    }
    while (taken.first != NULL) {
        struct question *question = list_take(&taken, &taken.first);
        question->answered(question->user, status, NULL, 0);
        if (question->opens && list == &client->under_way && status == STATUS_IO_TIMEOUT)
            list_add(&client->given_up, question);
        else
            free(question);
    }
}

static bool is_late(const struct client *client, const struct question *question, const void *now_ms)
{
    return last_of(client, question) <= *(const int64_t *)now_ms;
}

void client_expire(struct client *client, int64_t now_ms)
{
    answer_where(client, &client->under_way, is_late, &now_ms, STATUS_IO_TIMEOUT);
    answer_where(client, &client->waiting, is_late, &now_ms, STATUS_IO_TIMEOUT);
}

int client_wait_ms(const struct client *client, int64_t now_ms)
{
    int64_t least = -1;
    const struct question *firsts[] = {client->waiting.first, client->under_way.first};
    for (size_t i = 0; i < 2; i++) {
        for (const struct question *at = firsts[i]; at != NULL; at = at->next) {
            int64_t left = last_of(client, at) - now_ms;
            left = left < 0 ? 0 : left;
            least = least < 0 || left < least ? left : least;
        }
    }
    return (int)least;
}

void client_hurry(struct client *client, const void *user, int64_t now_ms)
{
    struct question *firsts[] = {client->waiting.first, client->under_way.first};
    for (size_t i = 0; i < 2; i++) {
        for (struct question *at = firsts[i]; at != NULL; at = at->next) {
            if (at->user == user)
                at->last_ms = now_ms + CLIENT_HURRIED_MS;
        }
    }
}

static bool is_of_device(const struct client *client, const struct question *question, const void *device)
{
    (void)client;
    return device == NULL || question->device == *(const uint32_t *)device;
}

void client_fail(struct client *client, const uint32_t *device, uint32_t status)
{
    answer_where(client, &client->waiting, is_of_device, device, status);
    answer_where(client, &client->under_way, is_of_device, device, status);
}
