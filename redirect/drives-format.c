#include "redirect/drives-format.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/text.h"

#define SECONDS_1601_TO_1970 11644473600LL
#define TICKS_A_SECOND       10000000LL
#define BASIC_SIZE           36
#define STANDARD_SIZE        22
#define FULL_SIZE            32
#define ENTRY_SIZE           93 /* some clients have a reserved byte more */

static const struct {
    uint32_t status;
    int error;
} errors[] = {
    {0xC0000001, EIO},          /* UNSUCCESSFUL */
    {0xC0000002, ENOSYS},       /* NOT_IMPLEMENTED */
    {0xC0000003, EOPNOTSUPP},   /* INVALID_INFO_CLASS */
    {0xC0000008, EBADF},        /* INVALID_HANDLE */
    {0xC000000D, EINVAL},       /* INVALID_PARAMETER */
    {0xC000000E, ENODEV},       /* NO_SUCH_DEVICE */
    {0xC000000F, ENOENT},       /* NO_SUCH_FILE */
    {0xC0000010, EOPNOTSUPP},   /* INVALID_DEVICE_REQUEST */
    {0xC0000013, ENODEV},       /* NO_MEDIA_IN_DEVICE */
    {0xC0000017, ENOMEM},       /* NO_MEMORY */
    {0xC0000022, EACCES},       /* ACCESS_DENIED */
    {0xC0000033, EINVAL},       /* OBJECT_NAME_INVALID */
    {0xC0000034, ENOENT},       /* OBJECT_NAME_NOT_FOUND */
    {0xC0000035, EEXIST},       /* OBJECT_NAME_COLLISION */
    {0xC0000039, EINVAL},       /* OBJECT_PATH_INVALID */
    {0xC000003A, ENOENT},       /* OBJECT_PATH_NOT_FOUND */
    {0xC000003B, EINVAL},       /* OBJECT_PATH_SYNTAX_BAD */
    {0xC0000043, EBUSY},        /* SHARING_VIOLATION */
    {0xC0000044, EDQUOT},       /* QUOTA_EXCEEDED */
    {0xC0000054, EAGAIN},       /* FILE_LOCK_CONFLICT */
    {0xC0000056, ENOENT},       /* DELETE_PENDING */
    {0xC0000061, EPERM},        /* PRIVILEGE_NOT_HELD */
    {0xC000007F, ENOSPC},       /* DISK_FULL */
    {0xC000009A, ENFILE},       /* INSUFFICIENT_RESOURCES */
    {0xC00000A2, EROFS},        /* MEDIA_WRITE_PROTECTED */
    {0xC00000A3, ENODEV},       /* DEVICE_NOT_READY */
    {0xC00000B5, EIO},          /* IO_TIMEOUT */
    {0xC00000BA, EISDIR},       /* FILE_IS_A_DIRECTORY */
    {0xC00000BB, EOPNOTSUPP},   /* NOT_SUPPORTED */
    {0xC00000D4, EXDEV},        /* NOT_SAME_DEVICE */
    {0xC0000101, ENOTEMPTY},    /* DIRECTORY_NOT_EMPTY */
    {0xC0000103, ENOTDIR},      /* NOT_A_DIRECTORY */
    {0xC0000106, ENAMETOOLONG}, /* NAME_TOO_LONG */
    {0xC000011F, EMFILE},       /* TOO_MANY_OPENED_FILES */
    {0xC0000120, EINTR},        /* CANCELLED */
    {0xC0000121, EACCES},       /* CANNOT_DELETE */
    {0xC0000123, ENOENT},       /* FILE_DELETED */
    {0xC0000904, EFBIG},        /* FILE_TOO_LARGE */
    {0x80000005, ERANGE},       /* BUFFER_OVERFLOW */
    {0x80000011, EBUSY},        /* DEVICE_BUSY */
    {0x80000006, ENOENT},       /* NO_MORE_FILES */
};

int format_errno(uint32_t status)
{
    if (status < 0x80000000)
        return 0;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (errors[i].status == status)
            return errors[i].error;
    }
    return EIO;
}

bool format_name_is_known(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length >= FORMAT_NAME_ROOM || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (const char *at = name; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == '/' || *at == '\\')
            return false;
    }
    return text_is_utf8(name, length);
}

static bool is_device_of_dos(const char *name)
{
    static const char *const devices[] = {"CON", "PRN", "AUX", "NUL"};
    size_t length = strcspn(name, ".");
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        if (length == 3 && strncasecmp(name, devices[i], 3) == 0)
            return true;
    }
    return length == 4 && (strncasecmp(name, "COM", 3) == 0 || strncasecmp(name, "LPT", 3) == 0) &&
           name[3] >= '1' && name[3] <= '9';
}

bool format_name_may_be_new(const char *name)
{
    if (!format_name_is_known(name) || strpbrk(name, "<>:\"|?*") != NULL || is_device_of_dos(name))
        return false;
    char last = name[strlen(name) - 1];
    return last != '.' && last != ' ';
}

static size_t utf8_put(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    for (size_t i = more; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(0xFF00 >> (more + 1) | code);
    return more + 1;
}

bool format_utf8(const uint8_t *units, size_t bytes, char *text_r, size_t size)
{
    struct wire_reader reader = wire_reader_over(units, bytes);
    size_t used = 0;
    if (bytes % 2 != 0 || size == 0)
        return false;
    while (!wire_reader_ended(&reader)) {
        uint32_t code = wire_get_u16(&reader);
        if (code >= 0xD800 && code < 0xDC00) {
            uint32_t low = wire_get_u16(&reader);
            if (reader.failed || low < 0xDC00 || low > 0xDFFF)
                return false;
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        } else if (code == 0 || (code >= 0xDC00 && code < 0xE000)) {
            return false;
        }
        char part[4];
        size_t length = utf8_put(code, part);
        if (used + length >= size)
            return false;
        memcpy(text_r + used, part, length);
        used += length;
    }
    text_r[used] = '\0';
    return true;
}

void format_utf16_put(struct wire_writer *writer, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
        uint32_t code = *at++;
        int more = code < 0x80 ? 0 : code < 0xE0 ? 1 : code < 0xF0 ? 2 : 3;
        if (more > 0)
            code &= 0x3FU >> more;
        for (; more > 0 && *at != '\0'; more--)
            code = code << 6 | (*at++ & 0x3F);
        if (code >= 0x10000) {
            wire_put_u16(writer, (uint16_t)(0xD800 + ((code - 0x10000) >> 10)));
            code = 0xDC00 + ((code - 0x10000) & 0x3FF);
        }
        wire_put_u16(writer, (uint16_t)code);
    }
}

/* Up to a NUL, where there is one. */
static bool bytes_read(const uint8_t *bytes, size_t size, char name_r[FORMAT_NAME_ROOM])
{
    size_t length = size > 0 ? strnlen((const char *)bytes, size) : 0;
    if (length == 0 || length >= FORMAT_NAME_ROOM || !text_is_utf8((const char *)bytes, length))
        return false;
    memcpy(name_r, bytes, length);
    name_r[length] = '\0';
    return true;
}

/* Some clients tell the name in UTF-16, some in bytes: both end with a NUL. */
static bool data_read(const uint8_t *data, size_t size, char name_r[FORMAT_NAME_ROOM])
{
    if (size >= 4 && size % 2 == 0 && data[size - 1] == 0 && data[size - 2] == 0)
        return format_utf8(data, size - 2, name_r, FORMAT_NAME_ROOM);
    return bytes_read(data, size, name_r);
}

void format_drive_name(const uint8_t *dos_name, const uint8_t *data, size_t size,
                       char name_r[FORMAT_NAME_ROOM])
{
    if (!data_read(data, size, name_r) && !bytes_read(dos_name, 8, name_r))
        name_r[0] = '\0';
    size_t length = strlen(name_r);
    if (length > 1 && name_r[length - 1] == ':')
        name_r[length - 1] = '\0'; /* "C:" */
    for (char *at = name_r; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == '/' || *at == '\\')
            *at = '_';
    }
    if (!format_name_is_known(name_r))
        memcpy(name_r, "Drive", sizeof("Drive"));
}

struct timespec format_time(uint64_t filetime)
{
    int64_t ticks = filetime > INT64_MAX ? 0 : (int64_t)filetime;
    struct timespec time = {.tv_sec = ticks / TICKS_A_SECOND - SECONDS_1601_TO_1970,
                            .tv_nsec = ticks % TICKS_A_SECOND * 100};
    return ticks == 0 ? (struct timespec){0} : time;
}

uint64_t format_filetime(struct timespec time)
{
    if (time.tv_sec <= -SECONDS_1601_TO_1970 ||
        time.tv_sec > INT64_MAX / TICKS_A_SECOND - SECONDS_1601_TO_1970 - 1)
        return 1;
    return (uint64_t)((time.tv_sec + SECONDS_1601_TO_1970) * TICKS_A_SECOND + time.tv_nsec / 100);
}

void format_stat(const struct format_attributes *attributes, struct stat *stat_r)
{
    bool folder = (attributes->attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    bool read_only = !folder && (attributes->attributes & FILE_ATTRIBUTE_READONLY) != 0;
    stat_r->st_mode = folder ? S_IFDIR | 0755 : S_IFREG | (read_only ? 0444 : 0644);
    stat_r->st_nlink = folder ? 2 : 1;
    stat_r->st_size = attributes->size > INT64_MAX ? INT64_MAX : (off_t)attributes->size;
    stat_r->st_blocks = (blkcnt_t)(attributes->allocated / 512 + (attributes->allocated % 512 != 0));
    stat_r->st_atim = format_time(attributes->accessed);
    stat_r->st_mtim = format_time(attributes->written);
    stat_r->st_ctim = format_time(attributes->changed != 0 ? attributes->changed : attributes->written);
}

/* The length before what an information is, which is of `least` bytes at least. */
static bool information_begin(struct wire_reader *reader, size_t least)
{
    uint32_t length = wire_get_u32(reader);
    return !reader->failed && length >= least && length <= reader->size - reader->used;
}

bool format_read_basic(const uint8_t *body, size_t size, struct format_attributes *attributes_r)
{
    struct wire_reader reader = wire_reader_over(body, size);
    if (!information_begin(&reader, BASIC_SIZE))
        return false;
    attributes_r->created = wire_get_u64(&reader);
    attributes_r->accessed = wire_get_u64(&reader);
    attributes_r->written = wire_get_u64(&reader);
    attributes_r->changed = wire_get_u64(&reader);
    attributes_r->attributes = wire_get_u32(&reader);
    return true;
}

bool format_read_standard(const uint8_t *body, size_t size, struct format_attributes *attributes_r)
{
    struct wire_reader reader = wire_reader_over(body, size);
    if (!information_begin(&reader, STANDARD_SIZE))
        return false;
    attributes_r->allocated = wire_get_u64(&reader);
    attributes_r->size = wire_get_u64(&reader);
    return true;
}

bool format_read_volume(const uint8_t *body, size_t size, struct statvfs *volume_r)
{
    struct wire_reader reader = wire_reader_over(body, size);
    if (!information_begin(&reader, FULL_SIZE))
        return false;
    uint64_t total = wire_get_u64(&reader), mine = wire_get_u64(&reader), available = wire_get_u64(&reader);
    uint64_t unit = (uint64_t)wire_get_u32(&reader) * wire_get_u32(&reader);
    memset(volume_r, 0, sizeof(*volume_r));
    volume_r->f_bsize = volume_r->f_frsize = unit > 0 && unit <= 1 << 30 ? (unsigned long)unit : 4096;
    volume_r->f_blocks = total;
    volume_r->f_bfree = available;
    volume_r->f_bavail = mine;
    volume_r->f_namemax = FORMAT_NAME_ROOM - 1;
    return true;
}

bool format_read_file_id(const uint8_t *body, size_t size, uint32_t *file_r)
{
    struct wire_reader reader = wire_reader_over(body, size);
    uint32_t file = wire_get_u32(&reader);
    if (!reader.failed)
        *file_r = file;
    return !reader.failed;
}

bool format_read_data(const uint8_t *body, size_t size, size_t most, const uint8_t **data_r, size_t *length_r)
{
    struct wire_reader reader = wire_reader_over(body, size);
    if (!information_begin(&reader, 0))
        return false;
    reader.used = 0;
    uint32_t length = wire_get_u32(&reader);
    if (length > most)
        return false;
    *data_r = wire_get_bytes(&reader, length);
    *length_r = length;
    return true;
}

bool format_read_written(const uint8_t *body, size_t size, size_t most, size_t *length_r)
{
    struct wire_reader reader = wire_reader_over(body, size);
    uint32_t length = wire_get_u32(&reader);
    if (reader.failed || length > most)
        return false;
    *length_r = length;
    return true;
}

bool format_read_entry(const uint8_t *body, size_t size, struct format_attributes *attributes_r,
                       const uint8_t **name_r, size_t *name_bytes_r)
{
    struct wire_reader reader = wire_reader_over(body, size);
    uint32_t length = wire_get_u32(&reader);
    if (reader.failed || length < ENTRY_SIZE || length > size - reader.used)
        return false;
    struct format_attributes attributes;
    uint32_t next = wire_get_u32(&reader);
    wire_get_u32(&reader);
    attributes.created = wire_get_u64(&reader);
    attributes.accessed = wire_get_u64(&reader);
    attributes.written = wire_get_u64(&reader);
    attributes.changed = wire_get_u64(&reader);
    attributes.size = wire_get_u64(&reader);
    attributes.allocated = wire_get_u64(&reader);
    attributes.attributes = wire_get_u32(&reader);
    uint32_t name = wire_get_u32(&reader);
    /* A client finds one file at a time: there is no next entry, and the name is what ends the body. */
    if (next != 0 || name % 2 != 0 || name > length - ENTRY_SIZE)
        return false;
    size_t head = length - ENTRY_SIZE > name ? ENTRY_SIZE + 1 : ENTRY_SIZE;
    *attributes_r = attributes;
    *name_r = body + 4 + head;
    *name_bytes_r = name;
    return true;
}
