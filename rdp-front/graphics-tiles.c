#include "rdp-front/graphics-tiles.h"

#include <stdlib.h>
#include <string.h>

#include "rpc/winstation.h"

#define TILE_BYTES (TILES_SIDE * 4)

_Static_assert(WINSTATION_MAX_WIDTH <= TILES_MOST * TILES_SIDE, "a row of tiles must hold the widest screen");

struct tiles {
    unsigned width, height;
    unsigned columns, rows;
    size_t stride; /* of the band */
    uint8_t *band;
    uint64_t *hashes; /* of what the client has; 0: unknown */
    uint8_t *damaged;
    unsigned *damaged_in_row;
    unsigned damaged_count;
};

struct tiles *tiles_new(unsigned width, unsigned height)
{
    if (width < 1 || height < 1 || width > WINSTATION_MAX_WIDTH || height > WINSTATION_MAX_HEIGHT)
        return NULL;
    struct tiles *tiles = calloc(1, sizeof *tiles);
    if (tiles == NULL)
        return NULL;
    tiles->width = width;
    tiles->height = height;
    tiles->columns = (width + TILES_SIDE - 1) / TILES_SIDE;
    tiles->rows = (height + TILES_SIDE - 1) / TILES_SIDE;
    tiles->stride = (size_t)tiles->columns * TILE_BYTES;
    size_t count = (size_t)tiles->columns * tiles->rows;
    tiles->band = calloc(TILES_SIDE, tiles->stride);
    tiles->hashes = calloc(count, sizeof *tiles->hashes);
    tiles->damaged = calloc(count, 1);
    tiles->damaged_in_row = calloc(tiles->rows, sizeof *tiles->damaged_in_row);
    if (tiles->band == NULL || tiles->hashes == NULL || tiles->damaged == NULL ||
        tiles->damaged_in_row == NULL) {
        tiles_free(tiles);
        return NULL;
    }
    tiles_mark_all(tiles);
    return tiles;
}

void tiles_free(struct tiles *tiles)
{
    if (tiles == NULL)
        return;
    free(tiles->band);
    free(tiles->hashes);
    free(tiles->damaged);
    free(tiles->damaged_in_row);
    free(tiles);
}

static void tiles_mark_span(struct tiles *tiles, unsigned row, unsigned first, unsigned last)
{
    for (unsigned column = first; column <= last; column++) {
        uint8_t *damaged = &tiles->damaged[(size_t)row * tiles->columns + column];
        tiles->damaged_in_row[row] += *damaged == 0;
        tiles->damaged_count += *damaged == 0;
        *damaged = 1;
    }
}

static void tiles_mark_one(struct tiles *tiles, const struct rectangle *rectangle)
{
    if (rectangle->width == 0 || rectangle->height == 0 || rectangle->x >= tiles->width ||
        rectangle->y >= tiles->height)
        return;
    /* The fields are 16 bits wide: the sums cannot overflow. */
    unsigned right = (unsigned)rectangle->x + rectangle->width;
    unsigned bottom = (unsigned)rectangle->y + rectangle->height;
    if (right > tiles->width)
        right = tiles->width;
    if (bottom > tiles->height)
        bottom = tiles->height;
    for (unsigned row = rectangle->y / TILES_SIDE; row <= (bottom - 1) / TILES_SIDE; row++)
        tiles_mark_span(tiles, row, rectangle->x / TILES_SIDE, (right - 1) / TILES_SIDE);
}

void tiles_mark(struct tiles *tiles, const struct rectangles *rectangles)
{
    unsigned count = rectangles->count;
    if (count > MESSAGE_MAX_RECTANGLES)
        count = MESSAGE_MAX_RECTANGLES;
    for (unsigned i = 0; i < count; i++)
        tiles_mark_one(tiles, &rectangles->at[i]);
}

void tiles_mark_all(struct tiles *tiles)
{
    for (unsigned row = 0; row < tiles->rows; row++)
        tiles_mark_span(tiles, row, 0, tiles->columns - 1);
}

void tiles_forget(struct tiles *tiles)
{
    memset(tiles->hashes, 0, (size_t)tiles->columns * tiles->rows * sizeof *tiles->hashes);
    tiles_mark_all(tiles);
}

bool tiles_pending(const struct tiles *tiles)
{
    return tiles->damaged_count > 0;
}

unsigned tiles_rows(const struct tiles *tiles)
{
    return tiles->rows;
}

static uint64_t hash_mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Four independent lanes over 32 bytes at a time, folded by multiplication; never 0. Tiles are compared with
 * themselves alone, so the position need not go in. */
static uint64_t hash_tile(const uint8_t *pixels, size_t stride, unsigned height)
{
    static const uint64_t keys[4] = {0x9e3779b97f4a7c15u, 0xc2b2ae3d27d4eb4fu, 0x165667b19e3779f9u,
                                     0xd6e8feb86659fd93u};
    uint64_t lanes[4] = {1, 2, 3, 4};
    for (unsigned y = 0; y < height; y++) {
        const uint8_t *row = pixels + y * stride;
        for (unsigned x = 0; x < TILE_BYTES; x += 32) {
            uint64_t words[4];
            memcpy(words, row + x, sizeof words);
            for (unsigned lane = 0; lane < 4; lane++)
                lanes[lane] = hash_mix(lanes[lane] ^ words[lane], keys[lane]) + words[lane];
        }
    }
    uint64_t hash =
        hash_mix(lanes[0] ^ keys[1], lanes[1] ^ keys[2]) ^ hash_mix(lanes[2] ^ keys[3], lanes[3] ^ keys[0]);
    return hash != 0 ? hash : 1;
}

/* A tile at the right edge keeps zeros beyond the screen, as the band was made. */
static void band_copy_tile(struct tiles *tiles, unsigned row, unsigned column, const uint8_t *pixels,
                           size_t stride, unsigned height)
{
    unsigned x = column * TILES_SIDE;
    unsigned width = tiles->width - x < TILES_SIDE ? tiles->width - x : TILES_SIDE;
    const uint8_t *from = pixels + (size_t)row * TILES_SIDE * stride + (size_t)x * 4;
    uint8_t *to = tiles->band + (size_t)x * 4;
    for (unsigned y = 0; y < height; y++)
        memcpy(to + y * tiles->stride, from + y * stride, (size_t)width * 4);
}

unsigned tiles_take(struct tiles *tiles, unsigned row, const uint8_t *pixels, size_t stride,
                    struct tiles_band *band_r)
{
    unsigned unchanged = 0;
    unsigned height = tiles->height - row * TILES_SIDE;
    if (height > TILES_SIDE)
        height = TILES_SIDE;
    *band_r = (struct tiles_band){
        .pixels = tiles->band, .stride = tiles->stride, .width = tiles->width, .height = height, .row = row};
    if (tiles->damaged_in_row[row] == 0)
        return 0;
    for (unsigned column = 0; column < tiles->columns; column++) {
        size_t index = (size_t)row * tiles->columns + column;
        if (!tiles->damaged[index])
            continue;
        tiles->damaged[index] = 0;
        band_copy_tile(tiles, row, column, pixels, stride, height);
        uint64_t hash = hash_tile(tiles->band + (size_t)column * TILE_BYTES, tiles->stride, height);
        if (hash == tiles->hashes[index]) {
            unchanged++;
            continue;
        }
        tiles->hashes[index] = hash;
        band_r->columns[band_r->count++] = (uint8_t)column;
    }
    tiles->damaged_count -= tiles->damaged_in_row[row];
    tiles->damaged_in_row[row] = 0;
    return unchanged;
}

bool tiles_is_solid(const struct tiles_band *band, unsigned index, uint32_t *colour_r)
{
    unsigned x = band->columns[index] * TILES_SIDE;
    unsigned width = band->width - x < TILES_SIDE ? band->width - x : TILES_SIDE;
    const uint8_t *first = band->pixels + (size_t)x * 4;
    for (unsigned i = 1; i < width; i++)
        if (memcmp(first + (size_t)i * 4, first, 3) != 0)
            return false;
    /* The rows after it are mostly the same bytes; where only the unused fourth byte differs, it counts as
     * not solid. */
    for (unsigned y = 1; y < band->height; y++)
        if (memcmp(first + y * band->stride, first, (size_t)width * 4) != 0)
            return false;
    *colour_r = (uint32_t)first[2] << 16 | (uint32_t)first[1] << 8 | first[0];
    return true;
}
