/* lsm.port on the wire: protobuf-c messages (rpc/lsm.proto) in SOCK_SEQPACKET packets, with a descriptor
 * where the message's comment says so. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lsm.pb-c.h"

#define LSM_PROTOCOL  1
#define LSM_PORT_NAME "ports/lsm.port" /* in the run directory */

/* Sends one message with `descriptor` (-1: none; stays the caller's), never blocking. Returns 0 or a negative
 * errno: -EMSGSIZE where it is larger than a packet, -EAGAIN when the other end does not read. */
int lsm_send_request(int fd, const Lodge__Lsm__Request *request, int descriptor);
int lsm_send_answer(int fd, const Lodge__Lsm__Answer *answer, int descriptor);

/* Receives one message, never blocking. Returns 1 with *request_r (answer_r) the caller's to free with
 * lodge__lsm__request__free_unpacked (answer) and *descriptor_r -1 or the caller's to close; 0 at the end of
 * the stream; -EAGAIN when nothing is there; -EPROTO for what is no such message; another negative errno. */
int lsm_receive_request(int fd, Lodge__Lsm__Request **request_r, int *descriptor_r);
int lsm_receive_answer(int fd, Lodge__Lsm__Answer **answer_r, int *descriptor_r);

/* What a session's place in a list goes by: it never changes in the session's life. */
struct lsm_list_key {
    uint32_t id;
    const char *user;
    uint64_t logon_ms;
};

/* Below 0 where `a` comes before `b` in the order that `list` asks for, above 0 where it comes behind it, 0
 * for one and the same id: those that are alike are in the order of their ids, and where it is descending all
 * of that is turned round. An order that there is not is that of the ids. */
int lsm_list_compare(const Lodge__Lsm__ListRequest *list, const struct lsm_list_key *a,
                     const struct lsm_list_key *b);
/* True where `page` may be the answer to `list`: its sessions are behind the one that it is to begin after,
 * and in order, and where there are more, it is not empty. So every list comes to its end, whatever a server
 * says. */
bool lsm_list_is_right(const Lodge__Lsm__ListRequest *list, const Lodge__Lsm__Sessions *page);
