#include "display/message-picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "display/message-text.h"

#define PAD           16
#define BAR_PAD       6
#define ICON          40
#define GAP           8
#define BUTTON_WIDTH  96
#define BUTTON_HEIGHT 30
#define LEAST_WIDTH   360
#define TEXT_WIDTH    420
#define LONG_TEXT     400 /* bytes: a longer text has wider lines */
#define LONG_WIDTH    600
#define SCREEN_MARGIN 8

enum colour {
    FRAME = 0x2b4a6b,
    FRAME_UNFOCUSED = 0x66707b,
    BODY = 0xf5f6f7,
    TITLE = 0xffffff,
    TEXT = 0x1c1f23,
    FAINT = 0x5b646e,
    BUTTON = 0xe3e7eb,
    BUTTON_PRESSED = 0xc3cad2,
    BUTTON_EDGE = 0x9aa4af,
};

static const struct {
    uint32_t colour;
    const char *mark;
} icons[] = {
    [MESSAGE_ERROR] = {0xb3261e, "\xc3\x97"},
    [MESSAGE_QUESTION] = {0x2b5fa8, "?"},
    [MESSAGE_WARNING] = {0xc77700, "!"},
    [MESSAGE_INFORMATION] = {0x2b5fa8, "i"},
};

struct picture {
    const struct font *font;
    const struct message_words *words;
    const struct message_buttons *buttons;
    struct font_target target;
    unsigned bar; /* the title's height */
    struct message_line lines[MESSAGE_MAX_LINES];
    size_t lines_shown;
    bool cut; /* there are more lines than fit */
};

static unsigned measure(const void *context, const char *text, size_t bytes)
{
    return font_text_width(context, FONT_NORMAL, text, bytes);
}

static unsigned icon_room(const struct picture *picture)
{
    return message_icon_of(picture->words->style) == MESSAGE_NO_ICON ? 0 : ICON + PAD;
}

/* The width of the lines, once wrapped. */
static unsigned wrap(struct picture *picture, unsigned width)
{
    const char *text = picture->words->text;
    unsigned widest = 0;
    size_t count = message_wrap(text, width, measure, picture->font, picture->lines, MESSAGE_MAX_LINES);
    picture->lines_shown = count < MESSAGE_MAX_LINES ? count : MESSAGE_MAX_LINES;
    picture->cut = count > picture->lines_shown;
    for (size_t i = 0; i < picture->lines_shown; i++) {
        unsigned line = measure(picture->font, text + picture->lines[i].at, picture->lines[i].bytes);
        widest = line > widest ? line : widest;
    }
    return widest;
}

static unsigned at_most(unsigned value, unsigned most)
{
    return value < most ? value : most;
}

static unsigned at_least(unsigned value, unsigned least)
{
    return value > least ? value : least;
}

static void lay_out(struct picture *picture, unsigned screen_width, unsigned screen_height)
{
    unsigned line = font_line_height(picture->font, FONT_NORMAL);
    unsigned wanted = strlen(picture->words->text) > LONG_TEXT ? LONG_WIDTH : TEXT_WIDTH;
    unsigned sides = 2 * PAD + icon_room(picture);
    unsigned room = at_least(screen_width, sides + 2 * SCREEN_MARGIN + 1) - sides - 2 * SCREEN_MARGIN;
    unsigned widest = wrap(picture, at_most(wanted, room));
    picture->bar = line + 2 * BAR_PAD;
    unsigned around = picture->bar + 3 * PAD + BUTTON_HEIGHT;
    unsigned high = at_least(screen_height, around + line + 2 * SCREEN_MARGIN) - around - 2 * SCREEN_MARGIN;
    if (picture->lines_shown > high / line) {
        picture->lines_shown = high / line;
        picture->cut = true;
    }
    unsigned body = at_least((unsigned)picture->lines_shown * line, icon_room(picture) ? ICON : 0);
    picture->target.width = at_most(at_least(widest + sides, LEAST_WIDTH), at_least(screen_width, 1));
    picture->target.height = around + body;
    picture->target.stride = (size_t)picture->target.width * 4;
}

struct picture *picture_new(const struct font *font, const struct message_words *words, unsigned screen_width,
                            unsigned screen_height)
{
    struct picture *picture = calloc(1, sizeof(*picture));
    if (picture == NULL)
        return NULL;
    picture->font = font;
    picture->words = words;
    picture->buttons = message_buttons_of(words->style);
    lay_out(picture, screen_width, screen_height);
    picture->target.pixels = calloc(picture->target.height, picture->target.stride);
    if (picture->target.pixels == NULL) {
        free(picture);
        return NULL;
    }
    return picture;
}

void picture_free(struct picture *picture)
{
    if (picture == NULL)
        return;
    free(picture->target.pixels);
    free(picture);
}

const struct font_target *picture_target(const struct picture *picture)
{
    return &picture->target;
}

static void put(const struct font_target *target, int x, int y, uint32_t colour)
{
    if (x < 0 || y < 0 || x >= (int)target->width || y >= (int)target->height)
        return;
    uint8_t *pixel = target->pixels + (size_t)y * target->stride + (size_t)x * 4;
    pixel[0] = (uint8_t)colour;
    pixel[1] = (uint8_t)(colour >> 8);
    pixel[2] = (uint8_t)(colour >> 16);
}

static void fill(const struct font_target *target, int x, int y, int width, int height, uint32_t colour)
{
    for (int row = y; row < y + height; row++) {
        for (int column = x; column < x + width; column++)
            put(target, column, row, colour);
    }
}

static void draw_icon(const struct picture *picture)
{
    enum message_icon icon = message_icon_of(picture->words->style);
    if (icon == MESSAGE_NO_ICON)
        return;
    int left = PAD, top = (int)picture->bar + PAD, half = ICON / 2;
    for (int y = -half; y < half; y++) {
        for (int x = -half; x < half; x++) {
            if (x * x + y * y < half * half)
                put(&picture->target, left + half + x, top + half + y, icons[icon].colour);
        }
    }
    size_t bytes = strlen(icons[icon].mark);
    unsigned width = font_text_width(picture->font, FONT_TITLE, icons[icon].mark, bytes);
    unsigned height = font_line_height(picture->font, FONT_TITLE);
    font_draw(picture->font, FONT_TITLE, &picture->target, left + half - (int)width / 2,
              top + half - (int)height / 2, TITLE, icons[icon].mark, bytes);
}

static void draw_text(const struct picture *picture)
{
    int x = PAD + (int)icon_room(picture), y = (int)picture->bar + PAD;
    for (size_t i = 0; i < picture->lines_shown; i++) {
        const struct message_line *line = &picture->lines[i];
        int end = font_draw(picture->font, FONT_NORMAL, &picture->target, x, y, TEXT,
                            picture->words->text + line->at, line->bytes);
        if (picture->cut && i + 1 == picture->lines_shown)
            font_draw(picture->font, FONT_NORMAL, &picture->target, end, y, TEXT, "\xe2\x80\xa6", 3);
        y += (int)font_line_height(picture->font, FONT_NORMAL);
    }
}

/* The buttons stand in a row at the lower right. */
static void button_place(const struct picture *picture, size_t index, int *x_r, int *y_r)
{
    int from_right = (int)(picture->buttons->count - index) * (BUTTON_WIDTH + GAP) - GAP + PAD;
    *x_r = (int)picture->target.width - from_right;
    *y_r = (int)picture->target.height - PAD - BUTTON_HEIGHT;
}

size_t picture_button_at(const struct picture *picture, int x, int y)
{
    for (size_t i = 0; i < picture->buttons->count; i++) {
        int left, top;
        button_place(picture, i, &left, &top);
        if (x >= left && x < left + BUTTON_WIDTH && y >= top && y < top + BUTTON_HEIGHT)
            return i;
    }
    return MESSAGE_MAX_BUTTONS;
}

static void underline(const struct picture *picture, const struct message_button *button, int x, int y)
{
    const char *letter = strchr(button->label, button->mnemonic - 'a' + 'A');
    if (letter == NULL)
        return;
    int left = x + (int)measure(picture->font, button->label, (size_t)(letter - button->label));
    int base = y + (int)font_ascent(picture->font, FONT_NORMAL) + 1;
    fill(&picture->target, left, base, (int)measure(picture->font, letter, 1), 1, TEXT);
}

static void draw_button(const struct picture *picture, size_t index, const struct picture_state *state)
{
    const struct message_button *button = &picture->buttons->at[index];
    bool selected = index == state->selected;
    int x, y, edge = selected ? 2 : 1;
    button_place(picture, index, &x, &y);
    fill(&picture->target, x, y, BUTTON_WIDTH, BUTTON_HEIGHT, selected ? FRAME : BUTTON_EDGE);
    fill(&picture->target, x + edge, y + edge, BUTTON_WIDTH - 2 * edge, BUTTON_HEIGHT - 2 * edge,
         selected && state->pressed ? BUTTON_PRESSED : BUTTON);
    size_t bytes = strlen(button->label);
    x += (BUTTON_WIDTH - (int)measure(picture->font, button->label, bytes)) / 2;
    y += (BUTTON_HEIGHT - (int)font_line_height(picture->font, FONT_NORMAL)) / 2;
    font_draw(picture->font, FONT_NORMAL, &picture->target, x, y, TEXT, button->label, bytes);
    underline(picture, button, x, y);
}

static void draw_countdown(const struct picture *picture, uint32_t left_s)
{
    char words[24];
    int size = left_s < 6000 ? snprintf(words, sizeof(words), "%u:%02u", left_s / 60, left_s % 60)
                             : snprintf(words, sizeof(words), "%u h", left_s / 3600);
    int y = (int)picture->target.height - PAD -
            (BUTTON_HEIGHT + (int)font_line_height(picture->font, FONT_SMALL)) / 2;
    if (left_s > 0)
        font_draw(picture->font, FONT_SMALL, &picture->target, PAD, y, FAINT, words, (size_t)size);
}

void picture_draw(struct picture *picture, const struct picture_state *state)
{
    const struct font_target *target = &picture->target;
    int width = (int)target->width, height = (int)target->height;
    struct font_target bar = *target; /* a title that is too long ends before the edge */
    bar.width = target->width - BAR_PAD;
    fill(target, 0, 0, width, height, state->focused ? FRAME : FRAME_UNFOCUSED);
    fill(target, 1, (int)picture->bar, width - 2, height - (int)picture->bar - 1, BODY);
    font_draw(picture->font, FONT_NORMAL, &bar, PAD, BAR_PAD, TITLE, picture->words->title,
              strlen(picture->words->title));
    draw_icon(picture);
    draw_text(picture);
    for (size_t i = 0; i < picture->buttons->count; i++)
        draw_button(picture, i, state);
    draw_countdown(picture, state->left_s);
}
