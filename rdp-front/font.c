#include "rdp-front/font.h"

#include <ft2build.h>
#include FT_FREETYPE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FONT_PACKAGE "fonts-dejavu-core"

static const char *const font_paths[] = {
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
};

static const unsigned font_pixels[FONT_SIZES] = {[FONT_SMALL] = 13, [FONT_NORMAL] = 16, [FONT_TITLE] = 26};

/* First and last character of each part of the atlas. */
static const struct {
    uint32_t first, last;
} font_ranges[] = {
    {0x20, 0x7e},     /* ASCII */
    {0xa0, 0x17f},    /* Latin-1 and Latin Extended-A */
    {0x2010, 0x2026}, /* dashes, quotes, bullet, ellipsis */
    {0x20ac, 0x20ac}, /* euro */
};
#define FONT_RANGES (sizeof font_ranges / sizeof font_ranges[0])
#define FONT_GLYPHS (0x7e - 0x20 + 1 + 0x17f - 0xa0 + 1 + 0x2026 - 0x2010 + 1 + 1)

struct glyph {
    uint32_t offset; /* of its coverage bytes in the face's */
    uint16_t width, height;
    int16_t left, top; /* from the pen; top is upwards */
    uint16_t advance;
};

struct face {
    unsigned line_height, ascent;
    struct glyph glyphs[FONT_GLYPHS];
    uint8_t *coverage;
    size_t used, room;
};

struct font {
    struct face faces[FONT_SIZES];
};

static const char *font_path(void)
{
    for (size_t i = 0; i < sizeof font_paths / sizeof font_paths[0]; i++) {
        FILE *file = fopen(font_paths[i], "re");
        if (file != NULL) {
            fclose(file);
            return font_paths[i];
        }
    }
    return NULL;
}

static bool face_reserve(struct face *face, size_t size)
{
    if (face->room - face->used >= size)
        return true;
    size_t room = face->room * 2 + size;
    uint8_t *coverage = realloc(face->coverage, room);
    if (coverage == NULL)
        return false;
    face->coverage = coverage;
    face->room = room;
    return true;
}

static bool face_add(struct face *face, unsigned index, FT_Face source, uint32_t character)
{
    if (FT_Load_Char(source, character, FT_LOAD_RENDER | FT_LOAD_TARGET_LIGHT) != 0)
        return false;
    FT_GlyphSlot slot = source->glyph;
    const FT_Bitmap *bitmap = &slot->bitmap;
    size_t size = (size_t)bitmap->width * bitmap->rows;
    if ((size > 0 && (bitmap->pixel_mode != FT_PIXEL_MODE_GRAY || bitmap->pitch < 0)) ||
        !face_reserve(face, size))
        return false;
    face->glyphs[index] = (struct glyph){
        .offset = (uint32_t)face->used,
        .width = (uint16_t)bitmap->width,
        .height = (uint16_t)bitmap->rows,
        .left = (int16_t)slot->bitmap_left,
        .top = (int16_t)slot->bitmap_top,
        .advance = (uint16_t)((slot->advance.x + 32) / 64),
    };
    if (size == 0)
        return true;
    for (unsigned y = 0; y < bitmap->rows; y++, face->used += bitmap->width)
        memcpy(face->coverage + face->used, bitmap->buffer + (size_t)y * (unsigned)bitmap->pitch,
               bitmap->width);
    return true;
}

static bool face_render(struct face *face, FT_Face source, unsigned pixels)
{
    if (FT_Set_Pixel_Sizes(source, 0, pixels) != 0)
        return false;
    face->line_height = (unsigned)(source->size->metrics.height + 63) / 64;
    face->ascent = (unsigned)(source->size->metrics.ascender + 63) / 64;
    unsigned index = 0;
    for (size_t range = 0; range < FONT_RANGES; range++)
        for (uint32_t c = font_ranges[range].first; c <= font_ranges[range].last; c++)
            if (!face_add(face, index++, source, c))
                return false;
    return true;
}

static bool font_render(struct font *font, const char *path)
{
    FT_Library library = NULL;
    if (FT_Init_FreeType(&library) != 0)
        return false;
    FT_Face source = NULL;
    bool done = FT_New_Face(library, path, 0, &source) == 0;
    for (unsigned size = 0; size < FONT_SIZES && done; size++)
        done = face_render(&font->faces[size], source, font_pixels[size]);
    FT_Done_FreeType(library); /* and the face with it */
    return done;
}

struct font *font_load(char *error, size_t error_size)
{
    const char *path = font_path();
    if (path == NULL) {
        snprintf(error, error_size, "the font DejaVu Sans is missing: install the package " FONT_PACKAGE);
        return NULL;
    }
    struct font *font = calloc(1, sizeof *font);
    if (font == NULL || !font_render(font, path)) {
        snprintf(error, error_size, "the font %s cannot be read: install the package " FONT_PACKAGE " anew",
                 path);
        font_free(font);
        return NULL;
    }
    return font;
}

void font_free(struct font *font)
{
    if (font == NULL)
        return;
    for (unsigned size = 0; size < FONT_SIZES; size++)
        free(font->faces[size].coverage);
    free(font);
}

unsigned font_line_height(const struct font *font, enum font_size size)
{
    return font->faces[size].line_height;
}

unsigned font_ascent(const struct font *font, enum font_size size)
{
    return font->faces[size].ascent;
}

/* Reads one character of UTF-8. Anything that is none counts as U+FFFD, a byte long. */
static uint32_t utf8_next(const char **text, const char *end)
{
    const uint8_t *at = (const uint8_t *)*text;
    size_t left = (size_t)(end - *text);
    size_t length = at[0] < 0x80 ? 1 : at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : at[0] >= 0xc0 ? 2 : 0;
    if (length == 1) {
        (*text)++;
        return at[0];
    }
    uint32_t character = length == 0 || length > left ? 0 : at[0] & (0x7fu >> length);
    size_t read = 1;
    while (read < length && length <= left && (at[read] & 0xc0) == 0x80)
        character = character << 6 | (at[read++] & 0x3f);
    if (length == 0 || read != length) {
        (*text)++;
        return 0xfffd;
    }
    *text += length;
    return character;
}

static const struct glyph *face_glyph(const struct face *face, uint32_t character)
{
    unsigned index = 0;
    for (size_t range = 0; range < FONT_RANGES; range++) {
        if (character >= font_ranges[range].first && character <= font_ranges[range].last)
            return &face->glyphs[index + character - font_ranges[range].first];
        index += font_ranges[range].last - font_ranges[range].first + 1;
    }
    return &face->glyphs['?' - 0x20];
}

unsigned font_text_width(const struct font *font, enum font_size size, const char *text, size_t bytes)
{
    unsigned width = 0;
    for (const char *end = text + bytes; text < end;)
        width += face_glyph(&font->faces[size], utf8_next(&text, end))->advance;
    return width;
}

static uint8_t blend(uint8_t below, uint8_t above, uint8_t coverage)
{
    return (uint8_t)((below * (255u - coverage) + above * (unsigned)coverage + 127u) / 255u);
}

static void glyph_draw(const struct face *face, const struct glyph *glyph, const struct font_target *target,
                       int left, int top, uint32_t colour)
{
    for (int y = 0; y < glyph->height; y++) {
        if (top + y < 0 || top + y >= (int)target->height)
            continue;
        const uint8_t *coverage = face->coverage + glyph->offset + (size_t)y * glyph->width;
        uint8_t *row = target->pixels + (size_t)(top + y) * target->stride;
        for (int x = 0; x < glyph->width; x++) {
            if (left + x < 0 || left + x >= (int)target->width)
                continue;
            uint8_t *pixel = row + (size_t)(left + x) * 4;
            for (unsigned channel = 0; channel < 3; channel++)
                pixel[channel] = blend(pixel[channel], (uint8_t)(colour >> channel * 8), coverage[x]);
        }
    }
}

int font_draw(const struct font *font, enum font_size size, const struct font_target *target, int x, int y,
              uint32_t colour, const char *text, size_t bytes)
{
    const struct face *face = &font->faces[size];
    for (const char *end = text + bytes; text < end;) {
        const struct glyph *glyph = face_glyph(face, utf8_next(&text, end));
        glyph_draw(face, glyph, target, x + glyph->left, y + (int)face->ascent - glyph->top, colour);
        x += glyph->advance;
    }
    return x;
}
