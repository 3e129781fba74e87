/* Messages of the clipboard's virtual channel (MS-RDPECLIP), read and written. The client's are hostile. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/clipboard.h"

#define CLIPRDR_HEAD      8
#define CLIPRDR_LIST_ROOM 512 /* of the longest list that is written */

enum cliprdr_type {
    CLIPRDR_MONITOR_READY = 1,
    CLIPRDR_LIST = 2,
    CLIPRDR_LIST_ANSWER = 3,
    CLIPRDR_REQUEST = 4,
    CLIPRDR_ANSWER = 5,
    CLIPRDR_TEMPORARY_DIRECTORY = 6,
    CLIPRDR_CAPABILITIES = 7,
    CLIPRDR_FILE_REQUEST = 8,
    CLIPRDR_FILE_ANSWER = 9,
    CLIPRDR_LOCK = 10,
    CLIPRDR_UNLOCK = 11,
    CLIPRDR_TYPES
};
enum cliprdr_flag { CLIPRDR_OK = 1, CLIPRDR_FAILED = 2, CLIPRDR_ASCII_NAMES = 4 };

struct cliprdr_message {
    uint16_t type, flags;
    const uint8_t *data;
    size_t size;
};

/* What a list of formats says. */
struct cliprdr_list {
    bool any;                        /* there are formats, known ones or not */
    uint32_t offer;                  /* the known ones, CLIPBOARD_ */
    uint32_t ids[CLIPBOARD_FORMATS]; /* by which each of them is asked for */
};

/* These return NULL, or what is wrong with the message; what they fill is untouched then. */
const char *cliprdr_read(const uint8_t *data, size_t size, struct cliprdr_message *message_r);
const char *cliprdr_read_capabilities(const struct cliprdr_message *message, bool *long_names_r);
const char *cliprdr_read_list(const struct cliprdr_message *message, bool long_names,
                              struct cliprdr_list *list_r);
const char *cliprdr_read_request(const struct cliprdr_message *message, uint32_t *id_r);
const char *cliprdr_read_stream(const struct cliprdr_message *message, uint32_t *stream_r);

/* Writes the 8 bytes before `size` bytes of data. */
void cliprdr_write_head(uint8_t *to, uint16_t type, uint16_t flags, size_t size);
/* Writes a whole message into `room` bytes, and returns its size. */
size_t cliprdr_write_capabilities(uint8_t *to, size_t room);
size_t cliprdr_write_list(uint8_t *to, size_t room, uint32_t offer, bool long_names);
/* Which CLIPBOARD_ format (or CLIPBOARD_SECRET) a number of cliprdr_write_list's is; 0: none. */
uint32_t cliprdr_format_of(uint32_t id);
