#include "display/region.h"

/* Two boxes become one when that covers at most so many pixels that neither has: less than one more box
 * costs the viewer. */
#define MERGE_SLACK 512
/* Bands with fewer rows than this between them become one: a request costs more than copying them. */
#define BAND_GAP 24

static uint32_t box_area(struct box box)
{
    return (uint32_t)(box.x2 - box.x1) * (uint32_t)(box.y2 - box.y1);
}

static struct box box_union(struct box a, struct box b)
{
    return (struct box){a.x1 < b.x1 ? a.x1 : b.x1, a.y1 < b.y1 ? a.y1 : b.y1, a.x2 > b.x2 ? a.x2 : b.x2,
                        a.y2 > b.y2 ? a.y2 : b.y2};
}

/* What a union covers that the boxes do not, overlaps counted twice: negative when they overlap much. */
static int64_t box_waste(struct box a, struct box b)
{
    return (int64_t)box_area(box_union(a, b)) - box_area(a) - box_area(b);
}

void region_clear(struct region *region)
{
    region->count = 0;
}

bool region_is_empty(const struct region *region)
{
    return region->count == 0;
}

/* The box that wastes least when merged with `box`; region->count where none is within `most`. */
static size_t best_match(const struct region *region, struct box box, int64_t most)
{
    size_t best = region->count;
    for (size_t i = 0; i < region->count; i++) {
        int64_t waste = box_waste(region->at[i], box);
        if (waste <= most) {
            most = waste - 1;
            best = i;
        }
    }
    return best;
}

void region_add(struct region *region, struct box box)
{
    if (box.x1 >= box.x2 || box.y1 >= box.y2)
        return;
    for (;;) { /* ends: each turn takes one box out */
        size_t match = best_match(region, box, MERGE_SLACK);
        if (match == region->count && region->count == REGION_MAX)
            match = best_match(region, box, INT64_MAX);
        if (match == region->count)
            break;
        box = box_union(region->at[match], box);
        region->at[match] = region->at[--region->count];
    }
    region->at[region->count++] = box;
}

void region_add_region(struct region *region, const struct region *other)
{
    for (size_t i = 0; i < other->count; i++)
        region_add(region, other->at[i]);
}

void region_fill(struct region *region, uint16_t width, uint16_t height)
{
    region->count = 1;
    region->at[0] = (struct box){0, 0, width, height};
}

void region_clip(struct region *region, uint16_t width, uint16_t height)
{
    size_t kept = 0;
    for (size_t i = 0; i < region->count; i++) {
        struct box box = region->at[i];
        box.x2 = box.x2 < width ? box.x2 : width;
        box.y2 = box.y2 < height ? box.y2 : height;
        if (box.x1 < box.x2 && box.y1 < box.y2)
            region->at[kept++] = box;
    }
    region->count = kept;
}

void region_rectangles(const struct region *region, struct rectangles *rectangles_r)
{
    rectangles_r->count = (uint16_t)region->count;
    for (size_t i = 0; i < region->count; i++) {
        struct box box = region->at[i];
        rectangles_r->at[i] =
            (struct rectangle){box.x1, box.y1, (uint16_t)(box.x2 - box.x1), (uint16_t)(box.y2 - box.y1)};
    }
}

static size_t sorted_rows(const struct region *region, struct band rows_r[REGION_MAX])
{
    for (size_t i = 0; i < region->count; i++) {
        struct band row = {region->at[i].y1, region->at[i].y2};
        size_t at = i;
        for (; at > 0 && rows_r[at - 1].y1 > row.y1; at--)
            rows_r[at] = rows_r[at - 1];
        rows_r[at] = row;
    }
    return region->count;
}

/* Joins the two neighbours that are nearest to each other. */
static size_t join_nearest(struct band *bands, size_t count)
{
    size_t best = 1;
    for (size_t i = 2; i < count; i++) {
        if (bands[i].y1 - bands[i - 1].y2 < bands[best].y1 - bands[best - 1].y2)
            best = i;
    }
    bands[best - 1].y2 = bands[best].y2;
    for (size_t i = best; i + 1 < count; i++)
        bands[i] = bands[i + 1];
    return count - 1;
}

size_t region_bands(const struct region *region, struct band bands_r[REGION_MAX_BANDS])
{
    struct band bands[REGION_MAX];
    size_t rows = sorted_rows(region, bands), count = 0;
    for (size_t i = 0; i < rows; i++) {
        if (count > 0 && bands[i].y1 < bands[count - 1].y2 + BAND_GAP) {
            if (bands[i].y2 > bands[count - 1].y2)
                bands[count - 1].y2 = bands[i].y2;
        } else {
            bands[count++] = bands[i];
        }
    }
    while (count > REGION_MAX_BANDS)
        count = join_nearest(bands, count);
    for (size_t i = 0; i < count; i++)
        bands_r[i] = bands[i];
    return count;
}
