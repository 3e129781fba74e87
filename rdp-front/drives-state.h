/* What the two files of the drives' part share: who is there (drives.c), what has been asked
 * (drives-requests.c). */
#pragma once

#include "common/wire.h"
#include "rdp-front/redirect.h"
#include "rpc/drives.h"

/* PacketId of MS-RDPEFS 2.2.1.1. */
enum drives_pdu {
    PDU_SERVER_ANNOUNCE = 0x496E,
    PDU_CLIENT_ID = 0x4343,
    PDU_CLIENT_NAME = 0x434E,
    PDU_SERVER_CAPABILITY = 0x5350,
    PDU_CLIENT_CAPABILITY = 0x4350,
    PDU_LOGGED_ON = 0x554C,
    PDU_DEVICES = 0x4441,
    PDU_DEVICES_GONE = 0x444D,
    PDU_DEVICE_REPLY = 0x6472,
    PDU_REQUEST = 0x4952,
    PDU_COMPLETION = 0x4943
};

/* How far the client has come, in order. */
enum drives_state { STATE_SAME, STATE_ANNOUNCED, STATE_NAMED, STATE_ASKED, STATE_READY };

struct drives_device {
    bool there;
    uint32_t id;
    uint8_t dos_name[DRIVES_DOS_NAME];
    size_t data_size;
    uint8_t data[DRIVES_DATA_MOST];
};

/* What the client has been asked and has not answered yet. Its place and a count make its completion id, so
 * that no answer meets a later request. */
struct drives_request {
    bool waits, orphan; /* orphan: the program that asked has gone */
    uint32_t id, tag, device, major;
};

struct drives_file {
    uint32_t device, file;
};

struct drives {
    struct redirect *redirect;
    enum drives_state state;
    uint32_t client_id;
    struct drives_device devices[DRIVES_DEVICES_MOST];
    struct drives_request requests[DRIVES_REQUESTS_MOST];
    size_t next_request;
    uint32_t count;
    struct drives_file files[DRIVES_FILES_MOST]; /* that are open */
    size_t file_count;
    uint8_t message[REDIRECT_PACKET_MAX + 64];
};

/* A message to the client with its head; send it with drives_message_send. */
struct wire_writer drives_message(struct drives *drives, enum drives_pdu pdu);
void drives_message_send(struct drives *drives, const struct wire_writer *writer);
struct drives_device *drives_device_find(struct drives *drives, uint32_t id);

/* The device has gone, and with it what was asked of it and open on it. */
void drives_requests_forget(struct drives *drives, uint32_t device);
const char *drives_take_completion(struct drives *drives, struct wire_reader *reader);
/* As in struct redirect_part. */
const char *drives_from_session(void *state, const uint8_t *data, size_t size);
void drives_session_gone(void *state);
