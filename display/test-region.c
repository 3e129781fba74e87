#include "display/region.h"
#include "tests/check.h"

#define WIDTH  640
#define HEIGHT 480

static unsigned area_of(const struct region *region)
{
    unsigned area = 0;
    for (size_t i = 0; i < region->count; i++)
        area += (unsigned)(region->at[i].x2 - region->at[i].x1) * (region->at[i].y2 - region->at[i].y1);
    return area;
}

static bool covers(const struct region *region, struct box box)
{
    for (unsigned y = box.y1; y < box.y2; y++) {
        for (unsigned x = box.x1; x < box.x2; x++) {
            bool in = false;
            for (size_t i = 0; i < region->count && !in; i++) {
                const struct box *at = &region->at[i];
                in = x >= at->x1 && x < at->x2 && y >= at->y1 && y < at->y2;
            }
            if (!in)
                return false;
        }
    }
    return true;
}

static void test_small_areas_stay_exact(void)
{
    struct region region = {0};
    region_add(&region, (struct box){10, 10, 18, 26}); /* a character and the cursor beside it */
    region_add(&region, (struct box){18, 10, 26, 26});
    CHECK(region.count == 1 && area_of(&region) == 16 * 16);
    region_add(&region, (struct box){600, 400, 608, 416});
    CHECK(region.count == 2 && area_of(&region) == 16 * 16 + 8 * 16);
    region_add(&region, (struct box){12, 12, 14, 14});
    CHECK(region.count == 2 && area_of(&region) == 16 * 16 + 8 * 16);
    region_add(&region, (struct box){5, 5, 5, 50});
    CHECK(region.count == 2);
}

static void test_nothing_is_lost(void)
{
    struct region region = {0};
    struct box boxes[300];
    unsigned seed = 12345;
    for (size_t i = 0; i < 300; i++) {
        unsigned part[4];
        for (size_t j = 0; j < 4; j++) {
            seed = seed * 1103515245 + 12345;
            part[j] = seed >> 16;
        }
        uint16_t x = (uint16_t)(part[0] % (WIDTH - 1)), y = (uint16_t)(part[1] % (HEIGHT - 1));
        boxes[i] = (struct box){x, y, (uint16_t)(x + 1 + part[2] % (unsigned)(WIDTH - x) % 40),
                                (uint16_t)(y + 1 + part[3] % (unsigned)(HEIGHT - y) % 40)};
        region_add(&region, boxes[i]);
        CHECK(region.count > 0 && region.count <= REGION_MAX);
    }
    for (size_t i = 0; i < 300; i++)
        CHECK(covers(&region, boxes[i]));
    struct rectangles rectangles;
    region_rectangles(&region, &rectangles);
    CHECK(rectangles.count == region.count);
    struct band bands[REGION_MAX_BANDS];
    size_t count = region_bands(&region, bands);
    CHECK(count > 0 && count <= REGION_MAX_BANDS);
    for (size_t i = 0; i < region.count; i++) {
        size_t in = 0;
        for (size_t j = 0; j < count; j++)
            in += region.at[i].y1 >= bands[j].y1 && region.at[i].y2 <= bands[j].y2;
        CHECK(in == 1);
    }
}

static void test_bands(void)
{
    struct region region = {0};
    struct band bands[REGION_MAX_BANDS];
    CHECK(region_bands(&region, bands) == 0);
    region_add(&region, (struct box){0, 400, 100, 410});
    region_add(&region, (struct box){300, 0, 340, 10});
    region_add(&region, (struct box){100, 12, 130, 20});
    CHECK(region_bands(&region, bands) == 2);
    CHECK(bands[0].y1 == 0 && bands[0].y2 == 20 && bands[1].y1 == 400 && bands[1].y2 == 410);
    region_clear(&region);
    for (uint16_t i = 0; i < 40; i++) /* more than there are bands: the nearest are joined */
        region_add(&region, (struct box){(uint16_t)(i * 10), (uint16_t)(i * 200), (uint16_t)(i * 10 + 5),
                                         (uint16_t)(i * 200 + 4)});
    size_t count = region_bands(&region, bands);
    CHECK(count == REGION_MAX_BANDS && bands[0].y1 == 0 && bands[count - 1].y2 == 39 * 200 + 4);
    for (size_t i = 1; i < count; i++)
        CHECK(bands[i - 1].y2 < bands[i].y1);
}

static void test_fill_and_clip(void)
{
    struct region region = {0}, other = {0};
    region_fill(&region, WIDTH, HEIGHT);
    region_add(&region, (struct box){1, 1, 9, 9});
    CHECK(region.count == 1 && area_of(&region) == WIDTH * HEIGHT);
    region_add(&other, (struct box){630, 470, 700, 500});
    region_add(&other, (struct box){0, 490, 700, 500});
    region_clip(&other, WIDTH, HEIGHT);
    CHECK(other.count == 1 && other.at[0].x2 == WIDTH && other.at[0].y2 == HEIGHT);
    region_clear(&region);
    CHECK(region_is_empty(&region));
    region_add_region(&region, &other);
    CHECK(region.count == 1);
}

int main(void)
{
    test_small_areas_stay_exact();
    test_nothing_is_lost();
    test_bands();
    test_fill_and_clip();
    return 0;
}
