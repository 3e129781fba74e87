#include "rdp-front/display-control.h"

#include "common/wire.h"
#include "rpc/winstation.h"

#define TYPE_MONITOR_LAYOUT 2
#define TYPE_CAPS           5
#define MONITOR_BYTES       40
#define MONITOR_REST        20 /* physical size, orientation, scale factors: not used */
#define FLAG_PRIMARY        1u
#define MOST_PIXELS         65535 /* a side that is wider is nonsense, not a wish */
#define AREA_FACTOR         8192

void display_control_caps(uint8_t data_r[DISPLAY_CONTROL_CAPS_SIZE])
{
    struct wire_writer writer = wire_writer_over(data_r, DISPLAY_CONTROL_CAPS_SIZE);
    wire_put_u32(&writer, TYPE_CAPS);
    wire_put_u32(&writer, DISPLAY_CONTROL_CAPS_SIZE);
    wire_put_u32(&writer, 1);
    wire_put_u32(&writer, AREA_FACTOR);
    wire_put_u32(&writer, AREA_FACTOR);
}

static uint32_t within(uint32_t value, uint32_t most)
{
    return value < WINSTATION_MIN_SIZE ? WINSTATION_MIN_SIZE : value > most ? most : value;
}

/* Reads one monitor; the primary's size goes into *size_r. Returns what is wrong, or NULL. */
static const char *read_monitor(struct wire_reader *reader, struct display_size *size_r, unsigned *primaries)
{
    uint32_t flags = wire_get_u32(reader), left = wire_get_u32(reader), top = wire_get_u32(reader);
    uint32_t width = wire_get_u32(reader), height = wire_get_u32(reader);
    if (wire_get_bytes(reader, MONITOR_REST) == NULL)
        return "a monitor is cut off";
    if (width == 0 || height == 0 || width > MOST_PIXELS || height > MOST_PIXELS)
        return "a monitor's size is out of range";
    if (!(flags & FLAG_PRIMARY))
        return NULL;
    if (left != 0 || top != 0)
        return "the primary monitor is not at the origin";
    (*primaries)++;
    size_r->width = within(width & ~1u, WINSTATION_MAX_WIDTH);
    size_r->height = within(height, WINSTATION_MAX_HEIGHT);
    return NULL;
}

bool display_control_layout(const uint8_t *data, size_t size, struct display_size *size_r,
                            const char **problem_r)
{
    struct wire_reader reader = wire_reader_over(data, size);
    struct display_size wanted = {0, 0};
    unsigned primaries = 0;
    uint32_t type = wire_get_u32(&reader), length = wire_get_u32(&reader);
    uint32_t each = wire_get_u32(&reader), count = wire_get_u32(&reader);
    const char *problem = reader.failed || type != TYPE_MONITOR_LAYOUT ? "it is no monitor layout"
                          : length != size || each != MONITOR_BYTES    ? "its length is wrong"
                          : count == 0 || count > DISPLAY_CONTROL_MOST ? "too many monitors, or none"
                                                                       : NULL;
    for (uint32_t i = 0; i < count && problem == NULL; i++)
        problem = read_monitor(&reader, &wanted, &primaries);
    if (problem == NULL && !wire_reader_ended(&reader))
        problem = "its length is wrong";
    if (problem == NULL && primaries != 1)
        problem = "there is not one primary monitor";
    *problem_r = problem;
    if (problem == NULL)
        *size_r = wanted;
    return problem == NULL;
}
