#include <string.h>

#include "rdp-front/drives-state.h"

/* Of each request that may be made: where the u32 is that tells the bytes behind its fixed part, and whether
 * these are there. Reads have none, but are bounded. */
static const struct kind {
    uint32_t major, minor;
    size_t length_at;
    bool trailing, bounded;
} kinds[] = {
    {DRIVES_CREATE, 0, 28, true, false},
    {DRIVES_CLOSE, 0, 0, false, false},
    {DRIVES_READ, 0, 0, false, true},
    {DRIVES_WRITE, 0, 0, true, true},
    {DRIVES_QUERY_INFORMATION, 0, 4, true, false},
    {DRIVES_SET_INFORMATION, 0, 4, true, false},
    {DRIVES_QUERY_VOLUME, 0, 4, true, false},
    {DRIVES_DIRECTORY, DRIVES_QUERY_DIRECTORY, 5, true, false},
};

static const struct kind *kind_find(uint32_t major, uint32_t minor)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].major == major && kinds[i].minor == minor)
            return &kinds[i];
    }
    return NULL;
}

static bool body_is_whole(const struct kind *kind, const uint8_t *body, size_t size)
{
    if (size < DRIVES_BODY_HEAD)
        return false;
    struct wire_reader reader = wire_reader_over(body + kind->length_at, 4);
    uint32_t length = wire_get_u32(&reader);
    if (kind->bounded && length > DRIVES_IO_MOST)
        return false;
    return size - DRIVES_BODY_HEAD == (kind->trailing ? length : 0);
}

static struct drives_file *file_find(struct drives *drives, uint32_t device, uint32_t file)
{
    for (size_t i = 0; i < drives->file_count; i++) {
        if (drives->files[i].device == device && drives->files[i].file == file)
            return &drives->files[i];
    }
    return NULL;
}

static void file_forget(struct drives *drives, struct drives_file *file)
{
    if (file != NULL)
        *file = drives->files[--drives->file_count];
}

static void answer(struct drives *drives, uint32_t tag, uint32_t status, const uint8_t *body, size_t size)
{
    uint8_t packet[REDIRECT_PACKET_MAX];
    struct wire_writer writer = wire_writer_over(packet, sizeof(packet));
    wire_put_u8(&writer, DRIVES_ANSWER);
    wire_put_u32(&writer, tag);
    wire_put_u32(&writer, status);
    wire_put_bytes(&writer, body, size);
    redirect_to_session(drives->redirect, packet, writer.used);
}

static void request_send(struct drives *drives, const struct drives_request *request, uint32_t file,
                         uint32_t minor, const uint8_t *body, size_t size)
{
    struct wire_writer writer = drives_message(drives, PDU_REQUEST);
    wire_put_u32(&writer, request->device);
    wire_put_u32(&writer, file);
    wire_put_u32(&writer, request->id);
    wire_put_u32(&writer, request->major);
    wire_put_u32(&writer, minor);
    wire_put_bytes(&writer, body, size);
    drives_message_send(drives, &writer);
}

/* Closes a file that no program has. Nobody waits for the answer: its id is nobody's. */
static void file_close(struct drives *drives, uint32_t device, uint32_t file)
{
    static const uint8_t body[DRIVES_BODY_HEAD];
    struct drives_request request = {
        .id = ++drives->count * DRIVES_REQUESTS_MOST, .device = device, .major = DRIVES_CLOSE};
    request_send(drives, &request, file, 0, body, sizeof(body));
}

/* A free place; NULL: there is none. */
static struct drives_request *request_new(struct drives *drives)
{
    for (size_t i = 0; i < DRIVES_REQUESTS_MOST; i++) {
        size_t at = (drives->next_request + i) % DRIVES_REQUESTS_MOST;
        if (drives->requests[at].waits)
            continue;
        drives->next_request = (at + 1) % DRIVES_REQUESTS_MOST;
        drives->requests[at].id = (uint32_t)(++drives->count * DRIVES_REQUESTS_MOST + at);
        return &drives->requests[at];
    }
    return NULL;
}

const char *drives_from_session(void *state, const uint8_t *data, size_t size)
{
    struct drives *drives = state;
    struct wire_reader reader = wire_reader_over(data, size);
    uint8_t type = wire_get_u8(&reader);
    struct drives_request asked = {.waits = true};
    asked.tag = wire_get_u32(&reader);
    asked.device = wire_get_u32(&reader);
    uint32_t file = wire_get_u32(&reader);
    asked.major = wire_get_u32(&reader);
    uint32_t minor = wire_get_u32(&reader);
    const struct kind *kind = kind_find(asked.major, minor);
    const uint8_t *body = data + reader.used;
    if (reader.failed || type != DRIVES_REQUEST || kind == NULL ||
        !body_is_whole(kind, body, size - reader.used))
        return "a request of lodge-drives is malformed";
    struct drives_file *open = file_find(drives, asked.device, file);
    struct drives_request *request = NULL;
    uint32_t status = DRIVES_STATUS_NO_RESOURCES;
    if (drives_device_find(drives, asked.device) == NULL)
        status = DRIVES_STATUS_NO_DEVICE;
    else if (asked.major != DRIVES_CREATE && open == NULL)
        status = DRIVES_STATUS_INVALID_FILE;
    else
        request = request_new(drives);
    if (request == NULL) {
        answer(drives, asked.tag, status, NULL, 0);
        return NULL;
    }
    asked.id = request->id;
    *request = asked;
    if (asked.major == DRIVES_CLOSE)
        file_forget(drives, open);
    request_send(drives, request, asked.major == DRIVES_CREATE ? 0 : file, minor, body, size - reader.used);
    return NULL;
}

/* Returns false where the file is not the program's: it is closed. */
static bool file_opened(struct drives *drives, const struct drives_request *request, uint32_t file)
{
    bool known = file_find(drives, request->device, file) != NULL;
    if (!known && !request->orphan && drives->file_count < DRIVES_FILES_MOST) {
        drives->files[drives->file_count++] = (struct drives_file){request->device, file};
        return true;
    }
    if (!known)
        file_close(drives, request->device, file);
    return false;
}

const char *drives_take_completion(struct drives *drives, struct wire_reader *reader)
{
    uint32_t device = wire_get_u32(reader), id = wire_get_u32(reader), status = wire_get_u32(reader);
    if (reader->failed)
        return "malformed answer to a request";
    struct drives_request *request = &drives->requests[id % DRIVES_REQUESTS_MOST];
    size_t size = reader->size - reader->used;
    const uint8_t *body = wire_get_bytes(reader, size);
    if (!request->waits || request->id != id || request->device != device)
        return NULL; /* nobody has asked */
    if (size > REDIRECT_PACKET_MAX - DRIVES_ANSWER_HEAD)
        return "an answer to a request is too long";
    request->waits = false;
    if (request->major == DRIVES_CREATE && status == DRIVES_STATUS_SUCCESS) {
        struct wire_reader created = wire_reader_over(body, size);
        uint32_t file = wire_get_u32(&created);
        if (created.failed)
            return "malformed answer to the opening of a file";
        if (!file_opened(drives, request, file)) {
            status = DRIVES_STATUS_NO_RESOURCES;
            size = 0;
        }
    }
    if (!request->orphan)
        answer(drives, request->tag, status, body, size);
    return NULL;
}

void drives_requests_forget(struct drives *drives, uint32_t device)
{
    for (size_t i = 0; i < DRIVES_REQUESTS_MOST; i++) {
        if (drives->requests[i].device == device)
            drives->requests[i].waits = false;
    }
    for (size_t i = drives->file_count; i-- > 0;) {
        if (drives->files[i].device == device)
            file_forget(drives, &drives->files[i]);
    }
}

void drives_session_gone(void *state)
{
    struct drives *drives = state;
    for (size_t i = 0; i < DRIVES_REQUESTS_MOST; i++)
        drives->requests[i].orphan = true;
    for (size_t i = 0; i < drives->file_count; i++)
        file_close(drives, drives->files[i].device, drives->files[i].file);
    drives->file_count = 0;
}
