#include "rdp-front/graphics-pointer.h"

#include <freerdp/pointer.h>
#include <freerdp/settings.h>
#include <string.h>

#define SMALL_SIDE 32 /* what a client without the large pointer capability takes */

bool pointer_is_valid(const struct winstation_pointer *pointer)
{
    return pointer->width > 0 && pointer->height > 0 && pointer->width <= WINSTATION_POINTER_SIDE &&
           pointer->height <= WINSTATION_POINTER_SIDE &&
           pointer->pixels_count == pointer->width * pointer->height * 4;
}

static uint8_t channel_straight(uint8_t premultiplied, uint8_t alpha)
{
    unsigned value = (premultiplied * 255u + alpha / 2u) / alpha;
    return value > 255 ? 255 : (uint8_t)value;
}

/* Where to begin so that `hot` is within `side` of `length`. */
static unsigned cut_offset(unsigned length, unsigned hot, unsigned side)
{
    if (length <= side || hot < side)
        return 0;
    unsigned offset = hot - side + 1;
    return offset > length - side ? length - side : offset;
}

static void convert_row(const uint8_t *from, uint8_t *to, uint8_t *mask, unsigned width)
{
    for (unsigned x = 0; x < width; x++, from += 4, to += 4) {
        uint8_t alpha = from[3];
        if (alpha == 0) {
            mask[x / 8] |= (uint8_t)(0x80 >> x % 8);
            continue;
        }
        for (unsigned channel = 0; channel < 3; channel++)
            to[channel] = channel_straight(from[channel], alpha);
        to[3] = alpha;
    }
}

void pointer_convert(const struct winstation_pointer *pointer, unsigned side, struct pointer_shape *shape_r)
{
    memset(shape_r, 0, sizeof *shape_r);
    unsigned hot_x = pointer->hot_x < pointer->width ? pointer->hot_x : 0;
    unsigned hot_y = pointer->hot_y < pointer->height ? pointer->hot_y : 0;
    unsigned left = cut_offset(pointer->width, hot_x, side);
    unsigned top = cut_offset(pointer->height, hot_y, side);
    shape_r->width = pointer->width < side ? pointer->width : side;
    shape_r->height = pointer->height < side ? pointer->height : side;
    shape_r->hot_x = hot_x - left;
    shape_r->hot_y = hot_y - top;
    size_t mask_bytes = (shape_r->width + 15) / 16 * 2;
    shape_r->and_bytes = mask_bytes * shape_r->height;
    for (unsigned y = 0; y < shape_r->height; y++) {
        unsigned from_bottom = shape_r->height - 1 - y;
        convert_row(pointer->pixels + ((size_t)(top + y) * pointer->width + left) * 4,
                    shape_r->pixels + (size_t)from_bottom * shape_r->width * 4,
                    shape_r->and_mask + from_bottom * mask_bytes, shape_r->width);
    }
}

void pointer_cache_reset(struct pointer_cache *cache)
{
    memset(cache, 0, sizeof *cache);
}

static uint64_t shape_hash(const struct pointer_shape *shape)
{
    const uint64_t prime = 0x100000001b3u;
    uint64_t hash = 0xcbf29ce484222325u;
    const unsigned numbers[] = {shape->width, shape->height, shape->hot_x, shape->hot_y};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        hash = (hash ^ numbers[i]) * prime;
    for (size_t i = 0; i < (size_t)shape->width * shape->height * 4; i++)
        hash = (hash ^ shape->pixels[i]) * prime;
    return hash != 0 ? hash : 1;
}

unsigned pointer_cache_find(struct pointer_cache *cache, unsigned size, const struct pointer_shape *shape,
                            bool *known_r)
{
    uint64_t hash = shape_hash(shape);
    unsigned slot = 0;
    for (unsigned i = 0; i < size && i < POINTER_CACHE_MOST; i++) {
        if (cache->slots[i].hash == hash) {
            slot = i;
            break;
        }
        if (cache->slots[i].used < cache->slots[slot].used)
            slot = i;
    }
    *known_r = cache->slots[slot].hash == hash;
    cache->slots[slot].hash = hash;
    cache->slots[slot].used = ++cache->turn;
    return slot;
}

static bool pointer_send_system(rdpContext *context, UINT32 type)
{
    POINTER_SYSTEM_UPDATE update = {.type = type};
    return context->update->pointer->PointerSystem(context, &update);
}

bool pointer_send(rdpContext *context, struct pointer_cache *cache, const struct winstation_pointer *pointer)
{
    UINT32 size = freerdp_settings_get_uint32(context->settings, FreeRDP_PointerCacheSize);
    if (pointer != NULL && pointer->width == 0)
        return pointer_send_system(context, SYSPTR_NULL);
    if (pointer == NULL || size == 0 || !pointer_is_valid(pointer))
        return pointer_send_system(context, SYSPTR_DEFAULT);
    UINT32 large = freerdp_settings_get_uint32(context->settings, FreeRDP_LargePointerFlag);
    struct pointer_shape shape;
    pointer_convert(pointer, large & LARGE_POINTER_FLAG_96x96 ? WINSTATION_POINTER_SIDE : SMALL_SIDE, &shape);
    bool known = false;
    unsigned slot = pointer_cache_find(cache, size, &shape, &known);
    if (known) {
        POINTER_CACHED_UPDATE update = {.cacheIndex = slot};
        return context->update->pointer->PointerCached(context, &update);
    }
    POINTER_NEW_UPDATE update = {.xorBpp = 32,
                                 .colorPtrAttr = {.cacheIndex = (UINT16)slot,
                                                  .hotSpotX = (UINT16)shape.hot_x,
                                                  .hotSpotY = (UINT16)shape.hot_y,
                                                  .width = (UINT16)shape.width,
                                                  .height = (UINT16)shape.height,
                                                  .lengthAndMask = (UINT16)shape.and_bytes,
                                                  .lengthXorMask = (UINT16)(shape.width * shape.height * 4),
                                                  .xorMaskData = shape.pixels,
                                                  .andMaskData = shape.and_mask}};
    return context->update->pointer->PointerNew(context, &update);
}

bool pointer_send_position(rdpContext *context, unsigned x, unsigned y)
{
    POINTER_POSITION_UPDATE update = {.xPos = x, .yPos = y};
    return context->update->pointer->PointerPosition(context, &update);
}
