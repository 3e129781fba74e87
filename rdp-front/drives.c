#include "rdp-front/drives.h"

#include <stdlib.h>
#include <string.h>

#include "common/wire.h"
#include "rdp-front/drives-state.h"
#include "rpc/drives.h"

#define COMPONENT_CORE         0x4472 /* the other one is for printers, of which there are none here */
#define VERSION_MAJOR          1
#define VERSION_MINOR          12
#define CLIENT_ID              1 /* a number that tells nothing */
#define CAPABILITY_GENERAL     1
#define CAPABILITY_DRIVE       4
#define CAPABILITY_HEAD        8
#define CAPABILITIES_MOST      16
#define DEVICE_FILE_SYSTEM     8
#define COMPUTER_NAME_MOST     1024
#define EXTENDED_REMOVE        1 /* RDPDR_DEVICE_REMOVE_PDUS */
#define EXTENDED_DISPLAY_NAMES 2
#define EXTENDED_LOGGED_ON     4

struct wire_writer drives_message(struct drives *drives, enum drives_pdu pdu)
{
    struct wire_writer writer = wire_writer_over(drives->message, sizeof(drives->message));
    wire_put_u16(&writer, COMPONENT_CORE);
    wire_put_u16(&writer, pdu);
    return writer;
}

void drives_message_send(struct drives *drives, const struct wire_writer *writer)
{
    if (!writer->failed)
        redirect_to_client(drives->redirect, 0, writer->data, writer->used);
}

static void version_send(struct drives *drives, enum drives_pdu pdu, uint32_t client_id)
{
    struct wire_writer writer = drives_message(drives, pdu);
    wire_put_u16(&writer, VERSION_MAJOR);
    wire_put_u16(&writer, VERSION_MINOR);
    wire_put_u32(&writer, client_id);
    drives_message_send(drives, &writer);
}

static void capabilities_send(struct drives *drives)
{
    struct wire_writer writer = drives_message(drives, PDU_SERVER_CAPABILITY);
    wire_put_u16(&writer, 2);
    wire_put_u16(&writer, 0);
    wire_put_u16(&writer, CAPABILITY_GENERAL);
    wire_put_u16(&writer, 44);
    wire_put_u32(&writer, 2);
    wire_put_u32(&writer, 0); /* the operating system: not used */
    wire_put_u32(&writer, 0);
    wire_put_u16(&writer, VERSION_MAJOR);
    wire_put_u16(&writer, VERSION_MINOR);
    wire_put_u32(&writer, 0xFFFF); /* all kinds of requests, as is required */
    wire_put_u32(&writer, 0);
    wire_put_u32(&writer, EXTENDED_REMOVE | EXTENDED_DISPLAY_NAMES | EXTENDED_LOGGED_ON);
    wire_put_u32(&writer, 0);
    wire_put_u32(&writer, 0);
    wire_put_u32(&writer, 0);
    wire_put_u16(&writer, CAPABILITY_DRIVE);
    wire_put_u16(&writer, CAPABILITY_HEAD);
    wire_put_u32(&writer, 2);
    drives_message_send(drives, &writer);
}

static const char *take_client_id(struct drives *drives, struct wire_reader *reader)
{
    wire_get_u16(reader);
    wire_get_u16(reader);
    drives->client_id = wire_get_u32(reader);
    return wire_reader_ended(reader) ? NULL : "malformed announcement";
}

static const char *take_client_name(struct drives *drives, struct wire_reader *reader)
{
    wire_get_u32(reader);
    wire_get_u32(reader);
    uint32_t size = wire_get_u32(reader);
    if (size > COMPUTER_NAME_MOST || wire_get_bytes(reader, size) == NULL || !wire_reader_ended(reader))
        return "malformed computer name";
    capabilities_send(drives);
    version_send(drives, PDU_CLIENT_ID, drives->client_id);
    return NULL;
}

/* What the client can is what every client can: nothing of it changes what is done. */
static const char *take_capabilities(struct drives *drives, struct wire_reader *reader)
{
    uint16_t count = wire_get_u16(reader);
    wire_get_u16(reader);
    for (unsigned i = 0; i < count && i < CAPABILITIES_MOST; i++) {
        wire_get_u16(reader);
        uint16_t size = wire_get_u16(reader);
        wire_get_u32(reader);
        if (size < CAPABILITY_HEAD || wire_get_bytes(reader, size - CAPABILITY_HEAD) == NULL)
            return "malformed capability";
    }
    if (count > CAPABILITIES_MOST || !wire_reader_ended(reader))
        return "malformed capabilities";
    struct wire_writer writer = drives_message(drives, PDU_LOGGED_ON);
    drives_message_send(drives, &writer);
    return NULL;
}

static void device_tell(struct drives *drives, const struct drives_device *device)
{
    uint8_t packet[DRIVES_ADD_HEAD + DRIVES_DATA_MOST];
    struct wire_writer writer = wire_writer_over(packet, sizeof(packet));
    wire_put_u8(&writer, DRIVES_ADD);
    wire_put_u32(&writer, device->id);
    wire_put_bytes(&writer, device->dos_name, sizeof(device->dos_name));
    wire_put_bytes(&writer, device->data, device->data_size);
    redirect_to_session(drives->redirect, packet, writer.used);
}

struct drives_device *drives_device_find(struct drives *drives, uint32_t id)
{
    for (size_t i = 0; i < DRIVES_DEVICES_MOST; i++) {
        if (drives->devices[i].there && drives->devices[i].id == id)
            return &drives->devices[i];
    }
    return NULL;
}

/* True when there is a drive of that number now; one that is told twice is the same. */
static bool device_add(struct drives *drives, const struct drives_device *device)
{
    size_t i = 0;
    if (drives_device_find(drives, device->id) != NULL)
        return true;
    while (i < DRIVES_DEVICES_MOST && drives->devices[i].there)
        i++;
    if (i == DRIVES_DEVICES_MOST)
        return false;
    drives->devices[i] = *device;
    device_tell(drives, device);
    return true;
}

static void device_answer(struct drives *drives, uint32_t id, bool taken)
{
    struct wire_writer writer = drives_message(drives, PDU_DEVICE_REPLY);
    wire_put_u32(&writer, id);
    wire_put_u32(&writer, taken ? DRIVES_STATUS_SUCCESS : DRIVES_STATUS_ACCESS_DENIED);
    drives_message_send(drives, &writer);
}

/* Reads one device. Returns false where the message ends before it does. */
static bool device_read(struct wire_reader *reader, uint32_t *type_r, struct drives_device *device_r,
                        bool *fits_r)
{
    *type_r = wire_get_u32(reader);
    device_r->id = wire_get_u32(reader);
    const uint8_t *name = wire_get_bytes(reader, DRIVES_DOS_NAME);
    uint32_t size = wire_get_u32(reader);
    const uint8_t *data = wire_get_bytes(reader, size);
    if (reader->failed || name == NULL || data == NULL)
        return false;
    device_r->there = true;
    memcpy(device_r->dos_name, name, DRIVES_DOS_NAME);
    *fits_r = size <= DRIVES_DATA_MOST;
    device_r->data_size = *fits_r ? size : 0;
    memcpy(device_r->data, data, device_r->data_size);
    return true;
}

/* The whole message is read before any device of it is taken. */
static const char *take_devices(struct drives *drives, struct wire_reader *reader)
{
    struct drives_device device;
    uint32_t type;
    bool fits;
    uint32_t count = wire_get_u32(reader);
    struct wire_reader first = *reader;
    for (uint32_t i = 0; i < count; i++) {
        if (!device_read(reader, &type, &device, &fits))
            return "malformed list of devices";
    }
    if (!wire_reader_ended(reader))
        return "malformed list of devices";
    for (uint32_t i = 0; i < count && device_read(&first, &type, &device, &fits); i++)
        device_answer(drives, device.id, type == DEVICE_FILE_SYSTEM && fits && device_add(drives, &device));
    return NULL;
}

static void device_remove(struct drives *drives, uint32_t id)
{
    uint8_t packet[DRIVES_REMOVE_SIZE];
    struct drives_device *device = drives_device_find(drives, id);
    if (device == NULL)
        return;
    device->there = false;
    drives_requests_forget(drives, id);
    struct wire_writer writer = wire_writer_over(packet, sizeof(packet));
    wire_put_u8(&writer, DRIVES_REMOVE);
    wire_put_u32(&writer, id);
    redirect_to_session(drives->redirect, packet, writer.used);
}

static const char *take_removal(struct drives *drives, struct wire_reader *reader)
{
    uint32_t count = wire_get_u32(reader);
    if (reader->failed || (reader->size - reader->used) / 4 != count ||
        (reader->size - reader->used) % 4 != 0)
        return "malformed list of devices that are removed";
    for (uint32_t i = 0; i < count; i++)
        device_remove(drives, wire_get_u32(reader));
    return NULL;
}

/* Which messages of the client's there are, in which states, and the state after it. */
static const struct {
    enum drives_pdu pdu;
    enum drives_state from, to, next; /* in the states from..to; next: STATE_SAME for none */
    const char *(*take)(struct drives *drives, struct wire_reader *reader);
} messages[] = {
    {PDU_CLIENT_ID, STATE_ANNOUNCED, STATE_ANNOUNCED, STATE_NAMED, take_client_id},
    {PDU_CLIENT_NAME, STATE_NAMED, STATE_NAMED, STATE_ASKED, take_client_name},
    {PDU_CLIENT_CAPABILITY, STATE_ASKED, STATE_ASKED, STATE_READY, take_capabilities},
    {PDU_DEVICES, STATE_ASKED, STATE_READY, STATE_SAME, take_devices},
    {PDU_DEVICES_GONE, STATE_ASKED, STATE_READY, STATE_SAME, take_removal},
    {PDU_COMPLETION, STATE_ASKED, STATE_READY, STATE_SAME, drives_take_completion},
};

static const char *drives_from_client(void *state, unsigned channel, const uint8_t *data, size_t size)
{
    struct drives *drives = state;
    struct wire_reader reader = wire_reader_over(data, size);
    uint16_t component = wire_get_u16(&reader), pdu = wire_get_u16(&reader);
    (void)channel;
    if (reader.failed)
        return "a message of the client's has no head";
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if (component != COMPONENT_CORE || pdu != messages[i].pdu)
            continue;
        if (drives->state < messages[i].from || drives->state > messages[i].to)
            return "a message of the client's comes out of order";
        const char *problem = messages[i].take(drives, &reader);
        if (problem == NULL && messages[i].next != STATE_SAME)
            drives->state = messages[i].next;
        return problem;
    }
    return NULL; /* of a kind that is not known, or of printers: nothing that a drive needs */
}

static const char *drives_client_there(void *state, unsigned channel)
{
    struct drives *drives = state;
    (void)channel;
    drives->state = STATE_ANNOUNCED;
    version_send(drives, PDU_SERVER_ANNOUNCE, CLIENT_ID);
    return NULL;
}

static const char *drives_session_there(void *state)
{
    struct drives *drives = state;
    for (size_t i = 0; i < DRIVES_DEVICES_MOST; i++) {
        if (drives->devices[i].there)
            device_tell(drives, &drives->devices[i]);
    }
    return NULL;
}

static void *drives_open(struct redirect *redirect, uint32_t bits)
{
    struct drives *drives = calloc(1, sizeof(*drives));
    (void)bits; /* there is but one */
    if (drives != NULL)
        drives->redirect = redirect;
    return drives;
}

const struct redirect_part drives_part = {
    .channels = {{.name = "rdpdr", .bits = REDIRECT_DRIVES}},
    .client_most = 1 << 20, /* the list of devices has the settings of each printer */
    .open = drives_open,
    .close = free,
    .client_there = drives_client_there,
    .from_client = drives_from_client,
    .session_there = drives_session_there,
    .session_gone = drives_session_gone,
    .from_session = drives_from_session,
};
