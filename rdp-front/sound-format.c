#include "rdp-front/sound-format.h"

#include <stdbool.h>

#define TAG_PCM     1
#define SAMPLE_BITS 16

void sound_format_write(struct wire_writer *writer, struct sound_format format)
{
    unsigned frame = format.channels * SAMPLE_BITS / 8;
    wire_put_u16(writer, TAG_PCM);
    wire_put_u16(writer, format.channels);
    wire_put_u32(writer, format.rate);
    wire_put_u32(writer, format.rate * frame);
    wire_put_u16(writer, (uint16_t)frame);
    wire_put_u16(writer, SAMPLE_BITS);
    wire_put_u16(writer, 0);
}

/* Returns false when it is cut off. *pcm_r: it is PCM of 16 bits, in *format_r. */
static bool format_read(struct wire_reader *reader, struct sound_format *format_r, bool *pcm_r)
{
    unsigned tag = wire_get_u16(reader), channels = wire_get_u16(reader);
    uint32_t rate = wire_get_u32(reader);
    wire_get_u32(reader); /* bytes a second: follows from the others */
    unsigned align = wire_get_u16(reader), bits = wire_get_u16(reader), more = wire_get_u16(reader);
    if (wire_get_bytes(reader, more) == NULL)
        return false;
    *format_r = (struct sound_format){(uint8_t)channels, rate};
    *pcm_r = tag == TAG_PCM && bits == SAMPLE_BITS && (channels == 1 || channels == 2) &&
             align == channels * SAMPLE_BITS / 8;
    return true;
}

bool sound_formats_read(struct wire_reader *reader, uint32_t count, const struct sound_format *ours,
                        size_t our_count, int *index_r)
{
    for (size_t i = 0; i < our_count; i++)
        index_r[i] = -1;
    for (uint32_t at = 0; at < count; at++) {
        struct sound_format format;
        bool pcm;
        if (!format_read(reader, &format, &pcm))
            return false;
        for (size_t i = 0; pcm && i < our_count; i++) {
            if (index_r[i] < 0 && ours[i].channels == format.channels && ours[i].rate == format.rate)
                index_r[i] = (int)at;
        }
    }
    return true;
}
