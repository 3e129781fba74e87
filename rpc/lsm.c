#include "rpc/lsm.h"

#include <errno.h>
#include <string.h>

#include "common/packet.h"

static int send_packed(int fd, const ProtobufCMessage *message, int descriptor)
{
    uint8_t data[PACKET_MAX_BYTES];
    size_t size = protobuf_c_message_get_packed_size(message);
    if (size > sizeof(data))
        return -EMSGSIZE;
    protobuf_c_message_pack(message, data);
    return packet_send(fd, data, size, &descriptor, descriptor >= 0 ? 1 : 0);
}

static int receive_packed(int fd, const ProtobufCMessageDescriptor *type, ProtobufCMessage **message_r,
                          int *descriptor_r)
{
    uint8_t data[PACKET_MAX_BYTES];
    int descriptor = -1;
    size_t count = 1;
    ssize_t size = packet_receive(fd, data, sizeof(data), &descriptor, &count);
    if (size <= 0)
        return size == -EMSGSIZE ? -EPROTO : (int)size;
    ProtobufCMessage *message = protobuf_c_message_unpack(type, NULL, (size_t)size, data);
    if (message == NULL) {
        close_descriptor(&descriptor);
        return -EPROTO;
    }
    *message_r = message;
    *descriptor_r = descriptor;
    return 1;
}

int lsm_send_request(int fd, const Lodge__Lsm__Request *request, int descriptor)
{
    return send_packed(fd, &request->base, descriptor);
}

int lsm_send_answer(int fd, const Lodge__Lsm__Answer *answer, int descriptor)
{
    return send_packed(fd, &answer->base, descriptor);
}

int lsm_receive_request(int fd, Lodge__Lsm__Request **request_r, int *descriptor_r)
{
    return receive_packed(fd, &lodge__lsm__request__descriptor, (ProtobufCMessage **)request_r, descriptor_r);
}

int lsm_receive_answer(int fd, Lodge__Lsm__Answer **answer_r, int *descriptor_r)
{
    return receive_packed(fd, &lodge__lsm__answer__descriptor, (ProtobufCMessage **)answer_r, descriptor_r);
}

int lsm_list_compare(const Lodge__Lsm__ListRequest *list, const struct lsm_list_key *a,
                     const struct lsm_list_key *b)
{
    int order = 0;
    if (list->order == LODGE__LSM__LIST_ORDER__BY_USER)
        order = strcmp(a->user, b->user);
    else if (list->order == LODGE__LSM__LIST_ORDER__BY_LOGON)
        order = (a->logon_ms > b->logon_ms) - (a->logon_ms < b->logon_ms);
    if (order == 0)
        order = (a->id > b->id) - (a->id < b->id);
    return list->descending ? -order : order;
}

bool lsm_list_is_right(const Lodge__Lsm__ListRequest *list, const Lodge__Lsm__Sessions *page)
{
    struct lsm_list_key last = {list->after, list->after_user, list->after_logon_ms};
    for (size_t i = 0; i < page->n_session; i++) {
        const Lodge__Lsm__Session *session = page->session[i];
        struct lsm_list_key key = {session->id, session->user, session->logon_ms};
        if (key.id == 0 || (last.id != 0 && lsm_list_compare(list, &key, &last) <= 0))
            return false;
        last = key;
    }
    return page->n_session > 0 || !page->more;
}
