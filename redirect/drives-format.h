/* How lodge-drives speaks of files with a client (MS-RDPEFS, MS-FSCC): names, times, attributes, errors and
 * the bodies of requests and answers. Answers come from the client, which is hostile; names to create come
 * from the session. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "common/wire.h"

#define FORMAT_NAME_ROOM         256  /* a name in UTF-8 with its NUL */
#define FORMAT_PATH_UNITS        4096 /* of UTF-16, with its NUL */

#define FILE_ATTRIBUTE_READONLY  0x1u
#define FILE_ATTRIBUTE_DIRECTORY 0x10u
#define FILE_ATTRIBUTE_NORMAL    0x80u

#define STATUS_NO_SUCH_FILE      0xC000000Fu
#define STATUS_END_OF_FILE       0xC0000011u
#define STATUS_NO_MORE_FILES     0x80000006u
#define STATUS_IO_TIMEOUT        0xC00000B5u
#define STATUS_CANCELLED         0xC0000120u

/* What is known of a file; times as the client counts them, 100 ns since 1601. */
struct format_attributes {
    uint64_t created, accessed, written, changed, size, allocated;
    uint32_t attributes;
};

/* The errno for an NTSTATUS; 0 for one that is no error; EIO for those that are not known. */
int format_errno(uint32_t status);

/* A name that may be there: UTF-8 without control characters, '/' and '\', neither "." nor "..". */
bool format_name_is_known(const char *name);
/* One that may be made: also nothing that Windows forbids. */
bool format_name_may_be_new(const char *name);
/* UTF-16 without its NUL to UTF-8. Returns false for lone surrogates, NUL, and what does not fit. */
bool format_utf8(const uint8_t *units, size_t bytes, char *text_r, size_t size);
/* Writes UTF-8, which must be valid, as UTF-16 without a NUL. */
void format_utf16_put(struct wire_writer *writer, const char *text);
/* The name of a drive's folder, from what the client says of it: its device data, or where that is none, its
 * DOS name. Never empty, always a name that may be there. */
void format_drive_name(const uint8_t *dos_name, const uint8_t *data, size_t size,
                       char name_r[FORMAT_NAME_ROOM]);

struct timespec format_time(uint64_t filetime);
uint64_t format_filetime(struct timespec time);
/* Fills what a client knows of: type and mode, size, blocks, times. */
void format_stat(const struct format_attributes *attributes, struct stat *stat_r);

/* Bodies of answers, behind IoStatus. Each returns false where it is malformed; *_r is untouched then. */
bool format_read_basic(const uint8_t *body, size_t size, struct format_attributes *attributes_r);
bool format_read_standard(const uint8_t *body, size_t size, struct format_attributes *attributes_r);
bool format_read_volume(const uint8_t *body, size_t size, struct statvfs *volume_r);
bool format_read_file_id(const uint8_t *body, size_t size, uint32_t *file_r);
/* Data of a read, of `most` bytes at most. */
bool format_read_data(const uint8_t *body, size_t size, size_t most, const uint8_t **data_r,
                      size_t *length_r);
bool format_read_written(const uint8_t *body, size_t size, size_t most, size_t *length_r);
/* One entry of a folder; *name_r is in the body, UTF-16 without a NUL. */
bool format_read_entry(const uint8_t *body, size_t size, struct format_attributes *attributes_r,
                       const uint8_t **name_r, size_t *name_bytes_r);
