/* What has changed on a screen: a bounded set of rectangles. Every pixel that was added stays covered; where
 * there are more rectangles than room, or two that nearly are one, they are merged and cover a little more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/message.h"

#define REGION_MAX       MESSAGE_MAX_RECTANGLES
#define REGION_MAX_BANDS 16

/* From x1, y1 up to but without x2, y2. */
struct box {
    uint16_t x1, y1, x2, y2;
};

struct region {
    size_t count;
    struct box at[REGION_MAX];
};

struct band {
    uint16_t y1, y2;
};

void region_clear(struct region *region);
bool region_is_empty(const struct region *region);
/* Adds a box; an empty one changes nothing. */
void region_add(struct region *region, struct box box);
void region_add_region(struct region *region, const struct region *other);
/* Makes it the whole of a width x height screen. */
void region_fill(struct region *region, uint16_t width, uint16_t height);
/* Cuts off what is outside a width x height screen. */
void region_clip(struct region *region, uint16_t width, uint16_t height);
/* The region as DAMAGE carries it. */
void region_rectangles(const struct region *region, struct rectangles *rectangles_r);
/* Fewest sensible ranges of rows that hold the region, in order and apart from each other. Returns their
 * count, at most REGION_MAX_BANDS. */
size_t region_bands(const struct region *region, struct band bands_r[REGION_MAX_BANDS]);
