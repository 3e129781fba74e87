/* Text as pixels: an atlas of every glyph that Lodge's own screens use (Latin-1, Latin Extended-A and common
 * punctuation, in three sizes), rendered once at start, so that a sandboxed worker needs no file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct font;

enum font_size { FONT_SMALL, FONT_NORMAL, FONT_TITLE, FONT_SIZES };

/* Pixels that may be drawn on: B G R x, `stride` bytes a row. */
struct font_target {
    uint8_t *pixels;
    unsigned width, height;
    size_t stride;
};

/* Renders the atlas from DejaVu Sans. Returns it, or NULL with the reason, naming the package to install, in
 * `error` (room for error_size bytes). Only reading: one atlas serves all processes forked after it. */
struct font *font_load(char *error, size_t error_size);
void font_free(struct font *font);

/* The distance between two lines, and from a line's top to its base, in pixels. */
unsigned font_line_height(const struct font *font, enum font_size size);
unsigned font_ascent(const struct font *font, enum font_size size);
/* The width in pixels of `bytes` bytes of UTF-8; a character that the atlas lacks is drawn and counted as
 * "?". */
unsigned font_text_width(const struct font *font, enum font_size size, const char *text, size_t bytes);
/* Draws with the line's top left corner at x, y, in `colour` (0xRRGGBB), blended into what is there, clipped
 * to the target. Returns the x after the last glyph. */
int font_draw(const struct font *font, enum font_size size, const struct font_target *target, int x, int y,
              uint32_t colour, const char *text, size_t bytes);
