/* What lodge-drives reads of a hostile client: whatever it takes is within the answer, and a name that it
 * takes leads nowhere else. */
#include <string.h>

#include "redirect/drives-format.h"

static void check(bool right)
{
    if (!right)
        __builtin_trap();
}

static void check_name(const uint8_t *units, size_t bytes)
{
    char name[FORMAT_NAME_ROOM];
    uint8_t back[FORMAT_NAME_ROOM * 2];
    if (!format_utf8(units, bytes, name, sizeof(name)))
        return;
    struct wire_writer writer = wire_writer_over(back, sizeof(back));
    format_utf16_put(&writer, name);
    check(!writer.failed && writer.used == bytes && memcmp(back, units, bytes) == 0);
    check(!format_name_is_known(name) || (strpbrk(name, "/\\") == NULL && strcmp(name, "..") != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct format_attributes attributes = {0};
    struct statvfs volume;
    struct stat stat = {0};
    const uint8_t *found;
    size_t length;
    uint32_t file;
    char name[FORMAT_NAME_ROOM];
    if (format_read_entry(data, size, &attributes, &found, &length)) {
        check(found >= data && found + length <= data + size);
        check_name(found, length);
    }
    if (format_read_data(data, size, 100, &found, &length))
        check(length <= 100 && found >= data && found + length <= data + size);
    if (format_read_written(data, size, 100, &length))
        check(length <= 100);
    format_read_basic(data, size, &attributes);
    format_read_standard(data, size, &attributes);
    format_read_volume(data, size, &volume);
    format_read_file_id(data, size, &file);
    format_stat(&attributes, &stat);
    check(stat.st_size >= 0 && stat.st_mtim.tv_nsec < 1000000000);
    check_name(data, size);
    if (size >= 8) {
        format_drive_name(data, data + 8, size - 8, name);
        check(format_name_is_known(name));
    }
    return 0;
}
