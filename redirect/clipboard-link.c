#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/packet.h"
#include "redirect/clipboard.h"

#define PACKETS_A_TURN 16

void link_init(struct link *link, int fd)
{
    *link = (struct link){.fd = fd};
    link->last = &link->first;
}

void link_finish(struct link *link)
{
    while (link->first != NULL) {
        struct waiting *next = link->first->next;
        free(link->first);
        link->first = next;
    }
    link->last = &link->first;
    clipboard_data_wipe(&link->data);
}

/* Returns 0, -EAGAIN, or another negative errno: the worker has gone. */
static int send_packet(const struct link *link, const struct clipboard_packet *packet)
{
    uint8_t bytes[REDIRECT_PACKET_MAX];
    size_t size = clipboard_encode(packet, bytes);
    int failed = packet_send(link->fd, bytes, size, NULL, 0);
    explicit_bzero(bytes, size);
    return failed;
}

void link_send(struct link *link, uint8_t type, uint32_t serial, uint32_t number, bool early)
{
    struct clipboard_packet packet = {.type = type, .early = early, .serial = serial, .number = number};
    if (link->first == NULL && send_packet(link, &packet) == 0)
        return;
    struct waiting *waiting = link->count < WAITING_MOST ? malloc(sizeof(*waiting)) : NULL;
    if (waiting == NULL) {
        link->broken = true;
        return;
    }
    *waiting = (struct waiting){NULL, packet};
    *link->last = waiting;
    link->last = &waiting->next;
    link->count++;
}

void link_send_data(struct link *link, uint32_t serial, struct clipboard_data *data)
{
    clipboard_data_wipe(&link->data);
    link->data = *data;
    link->serial = serial;
    *data = (struct clipboard_data){0};
    link->data.used = 0;
}

bool link_waits(const struct link *link)
{
    return link->first != NULL || link->data.bytes != NULL;
}

/* Sends pieces until all are sent or the worker does not read. */
static int flush_data(struct link *link)
{
    while (link->data.bytes != NULL) {
        struct clipboard_packet piece;
        size_t before = link->data.used;
        clipboard_data_piece(&link->data, link->serial, &piece);
        int failed = send_packet(link, &piece);
        if (failed) {
            link->data.used = before;
            return failed;
        }
        if (link->data.used == link->data.total)
            clipboard_data_wipe(&link->data);
    }
    return 0;
}

bool link_flush(struct link *link)
{
    int failed = 0;
    while (link->first != NULL && !failed) {
        struct waiting *first = link->first;
        failed = send_packet(link, &first->packet);
        if (failed)
            break;
        link->first = first->next;
        link->count--;
        free(first);
    }
    if (link->first == NULL)
        link->last = &link->first;
    if (!failed)
        failed = flush_data(link);
    return !link->broken && (!failed || failed == -EAGAIN);
}

static const char *take(struct clip *clip, const struct clipboard_packet *packet)
{
    if (packet->type == CLIPBOARD_DATA)
        return owner_on_data(clip, packet);
    if (packet->type == CLIPBOARD_OFFER)
        owner_on_offer(clip, packet->number);
    else if (packet->type == CLIPBOARD_FAIL)
        owner_on_fail(clip, packet->serial);
    else if (packet->type == CLIPBOARD_ASK)
        asker_on_ask(clip, packet);
    else
        return "a packet that is the program's own";
    return NULL;
}

bool link_read(struct clip *clip)
{
    uint8_t bytes[REDIRECT_PACKET_MAX];
    for (int i = 0; i < PACKETS_A_TURN; i++) {
        struct clipboard_packet packet;
        size_t none = 0;
        ssize_t got = packet_receive(clip->link.fd, bytes, sizeof(bytes), NULL, &none);
        if (got == -EAGAIN)
            break;
        if (got <= 0)
            return false;
        const char *problem = clipboard_decode(bytes, (size_t)got, &packet);
        if (problem == NULL)
            problem = take(clip, &packet);
        explicit_bzero(bytes, (size_t)got);
        if (problem != NULL) {
            log_error("worker", "%s", problem);
            return false;
        }
    }
    return true;
}
