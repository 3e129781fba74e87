#include <string.h>

#include "rdp-front/screen-state.h"

#define COLOUR_BACK    0x1d2b3a
#define COLOUR_PANEL   0xf4f6f8
#define COLOUR_TEXT    0x1b2733
#define COLOUR_QUIET   0x5b6b7b
#define COLOUR_FIELD   0xffffff
#define COLOUR_LINE    0xb4c0cc
#define COLOUR_FOCUS   0x1f6feb
#define COLOUR_ON_BLUE 0xffffff
#define COLOUR_WRONG   0xb3261e
#define COLOUR_HINT    0x8a5a00

#define MARGIN         16
#define PADDING        28
#define PANEL_WIDTH    460
#define FIELD_HEIGHT   34
#define FIELD_PADDING  8
#define BUTTON_WIDTH   104
#define GAP            12
#define LABEL_GAP      3 /* between a label and its field */
#define MESSAGE_LINES  3
#define NOTICE_LINES   12

static struct font_target screen_target(struct screen *screen)
{
    return (struct font_target){screen->pixels, screen->width, screen->height, screen_stride(screen)};
}

static int clamp(int value, int least, int most)
{
    return value < least ? least : value > most ? most : value;
}

static void fill(struct screen *screen, struct screen_box box, uint32_t colour)
{
    int left = clamp(box.x, 0, (int)screen->width), right = clamp(box.x + box.width, 0, (int)screen->width);
    int top = clamp(box.y, 0, (int)screen->height);
    int bottom = clamp(box.y + box.height, 0, (int)screen->height);
    for (int y = top; y < bottom; y++) {
        uint8_t *row = screen->pixels + (size_t)y * screen_stride(screen);
        for (int x = left; x < right; x++)
            memcpy(row + (size_t)x * 4, &colour, 4); /* 0xRRGGBB is B G R x in memory */
    }
}

static struct screen_box box_inset(struct screen_box box, int by)
{
    return (struct screen_box){box.x + by, box.y + by, box.width - 2 * by, box.height - 2 * by};
}

static void fill_framed(struct screen *screen, struct screen_box box, uint32_t inside, uint32_t line,
                        int thickness)
{
    fill(screen, box, line);
    fill(screen, box_inset(box, thickness), inside);
}

static void damage_add(struct screen *screen, struct screen_box box)
{
    int left = clamp(box.x, 0, (int)screen->width), right = clamp(box.x + box.width, 0, (int)screen->width);
    int top = clamp(box.y, 0, (int)screen->height);
    int bottom = clamp(box.y + box.height, 0, (int)screen->height);
    struct rectangles *damage = &screen->damage;
    if (left >= right || top >= bottom)
        return;
    struct rectangle rectangle = {(uint16_t)left, (uint16_t)top, (uint16_t)(right - left),
                                  (uint16_t)(bottom - top)};
    if (damage->count > 0 && memcmp(&damage->at[damage->count - 1], &rectangle, sizeof rectangle) == 0)
        return;
    if (damage->count == MESSAGE_MAX_RECTANGLES) {
        damage->count = 0;
        rectangle = (struct rectangle){0, 0, (uint16_t)screen->width, (uint16_t)screen->height};
    }
    damage->at[damage->count++] = rectangle;
}

/* The bytes of `text` that fit one line of `width`: up to the last space that does, else as many characters.
 */
static size_t line_bytes(const struct screen *screen, enum font_size size, const char *text, int width)
{
    size_t fits = 0, at = 0, space = 0;
    while (text[at] != '\0') {
        size_t next = at + 1;
        while (((unsigned char)text[next] & 0xc0) == 0x80)
            next++;
        if ((int)font_text_width(screen->font, size, text, next) > width)
            break;
        if (text[at] == ' ')
            space = at;
        at = fits = next;
    }
    if (text[at] == '\0' || space == 0)
        return fits > 0 ? fits : at;
    return space;
}

/* A paragraph wrapped into `width`, at most `lines` of it. Returns the y below it; draws nothing where `draw`
 * is false. */
static int paragraph(struct screen *screen, enum font_size size, int x, int y, int width, unsigned lines,
                     uint32_t colour, const char *text, bool draw)
{
    struct font_target target = screen_target(screen);
    for (unsigned line = 0; line < lines && *text != '\0'; line++) {
        size_t bytes = line_bytes(screen, size, text, width);
        if (bytes == 0)
            break; /* not even one character fits */
        if (draw)
            font_draw(screen->font, size, &target, x, y, colour, text, bytes);
        y += (int)font_line_height(screen->font, size);
        text += bytes;
        while (*text == ' ')
            text++;
    }
    return y;
}

static struct screen_box panel_box(const struct screen *screen, int height)
{
    int width = (int)screen->width - 2 * MARGIN < PANEL_WIDTH ? (int)screen->width - 2 * MARGIN : PANEL_WIDTH;
    int x = ((int)screen->width - width) / 2;
    int y = ((int)screen->height - height) / 2;
    return (struct screen_box){x, y < 0 ? 0 : y, width, height};
}

static int notice_content(struct screen *screen, struct screen_box panel, bool draw)
{
    int x = panel.x + PADDING, width = panel.width - 2 * PADDING;
    int y = panel.y + PADDING;
    y = paragraph(screen, FONT_TITLE, x, y, width, 2, COLOUR_TEXT, screen->title, draw) + GAP;
    y = paragraph(screen, FONT_NORMAL, x, y, width, NOTICE_LINES, COLOUR_TEXT, screen->sentence, draw);
    if (screen->detail[0] != '\0')
        y = paragraph(screen, FONT_SMALL, x, y + GAP, width, NOTICE_LINES, COLOUR_QUIET, screen->detail,
                      draw);
    return y + PADDING - panel.y;
}

static void draw_notice(struct screen *screen)
{
    struct screen_box panel = panel_box(screen, notice_content(screen, panel_box(screen, 0), false));
    fill(screen, panel, COLOUR_PANEL);
    notice_content(screen, panel, true);
}

/* What of a field is shown: its text, or a dot for each character. Both are short enough for `shown`. */
#define DOT        "\xe2\x80\xa2"
#define SHOWN_ROOM (SCREEN_FIELD_ROOM * (sizeof DOT - 1))

static size_t field_shown(const struct screen_field *field, bool secret, size_t bytes, char shown[SHOWN_ROOM])
{
    if (!secret) {
        memcpy(shown, field->text, bytes);
        return bytes;
    }
    size_t used = 0;
    for (size_t at = 0; at < bytes; at += screen_character_after(field, at), used += sizeof DOT - 1)
        memcpy(shown + used, DOT, sizeof DOT - 1);
    return used;
}

static void draw_field(struct screen *screen, enum screen_focus which, struct screen_box box)
{
    const struct screen_field *field = &screen->fields[which];
    bool focused = screen->focus == which, secret = which == FOCUS_PASSWORD;
    char shown[SHOWN_ROOM];
    size_t before = field_shown(field, secret, field->cursor, shown);
    size_t bytes = field_shown(field, secret, field->length, shown);
    screen->boxes[which] = box;
    fill_framed(screen, box, COLOUR_FIELD, focused ? COLOUR_FOCUS : COLOUR_LINE, focused ? 2 : 1);
    struct screen_box inner = box_inset(box, FIELD_PADDING);
    int cursor = (int)font_text_width(screen->font, FONT_NORMAL, shown, before);
    int scroll = cursor > inner.width - 2 ? cursor - (inner.width - 2) : 0;
    int line = (int)font_line_height(screen->font, FONT_NORMAL);
    int top = box.y + (box.height - line) / 2;
    /* Drawn into the field's part of the screen alone: the target's origin is the field's inside. */
    struct screen_box clip = {clamp(inner.x, 0, (int)screen->width), clamp(top, 0, (int)screen->height), 0,
                              0};
    clip.width = clamp(inner.x + inner.width, clip.x, (int)screen->width) - clip.x;
    clip.height = clamp(top + line, clip.y, (int)screen->height) - clip.y;
    struct font_target target = {screen->pixels + (size_t)clip.y * screen_stride(screen) + (size_t)clip.x * 4,
                                 (unsigned)clip.width, (unsigned)clip.height, screen_stride(screen)};
    font_draw(screen->font, FONT_NORMAL, &target, inner.x - clip.x - scroll, top - clip.y, COLOUR_TEXT, shown,
              bytes);
    if (focused)
        fill(screen, (struct screen_box){inner.x + cursor - scroll, top, 2, line}, COLOUR_TEXT);
}

static void draw_button(struct screen *screen, enum screen_focus which, struct screen_box box,
                        const char *text)
{
    bool focused = screen->focus == which;
    struct font_target target = screen_target(screen);
    size_t length = strlen(text);
    screen->boxes[which] = box;
    fill_framed(screen, box, COLOUR_FOCUS, focused ? COLOUR_TEXT : COLOUR_FOCUS, 2);
    int width = (int)font_text_width(screen->font, FONT_NORMAL, text, length);
    font_draw(screen->font, FONT_NORMAL, &target, box.x + (box.width - width) / 2,
              box.y + (box.height - (int)font_line_height(screen->font, FONT_NORMAL)) / 2, COLOUR_ON_BLUE,
              text, length);
}

static struct screen_box question_box(struct screen *screen)
{
    return panel_box(screen, notice_content(screen, panel_box(screen, 0), false) + FIELD_HEIGHT + GAP);
}

static void draw_question(struct screen *screen)
{
    struct screen_box panel = question_box(screen);
    int y = panel.y + panel.height - PADDING - FIELD_HEIGHT, x = panel.x + panel.width - PADDING;
    fill(screen, panel, COLOUR_PANEL);
    notice_content(screen, panel, true);
    for (enum screen_focus which = FOCUS_CANCEL; which >= FOCUS_OK; which--) {
        const char *text = screen->choices[which - FOCUS_OK];
        int wanted = (int)font_text_width(screen->font, FONT_NORMAL, text, strlen(text)) + 2 * GAP;
        int width = wanted > BUTTON_WIDTH ? wanted : BUTTON_WIDTH;
        x -= width;
        draw_button(screen, which, (struct screen_box){x, y, width, FIELD_HEIGHT}, text);
        x -= GAP;
    }
}

static int logon_height(const struct screen *screen)
{
    int small = (int)font_line_height(screen->font, FONT_SMALL);
    return PADDING + (int)font_line_height(screen->font, FONT_TITLE) + small + GAP +
           2 * (small + LABEL_GAP + FIELD_HEIGHT + GAP) + MESSAGE_LINES * small + GAP + FIELD_HEIGHT +
           PADDING;
}

static void draw_logon(struct screen *screen)
{
    struct screen_box panel = panel_box(screen, logon_height(screen));
    int x = panel.x + PADDING, width = panel.width - 2 * PADDING, y = panel.y + PADDING;
    int small = (int)font_line_height(screen->font, FONT_SMALL);
    static const char *const labels[] = {[FOCUS_USER] = "User name", [FOCUS_PASSWORD] = "Password"};
    fill(screen, panel, COLOUR_PANEL);
    y = paragraph(screen, FONT_TITLE, x, y, width, 1, COLOUR_TEXT, "Lodge", true);
    paragraph(screen, FONT_SMALL, x, y, width, 1, COLOUR_QUIET, screen->host, true);
    y += small + GAP;
    for (enum screen_focus which = FOCUS_USER; which <= FOCUS_PASSWORD; which++) {
        paragraph(screen, FONT_SMALL, x, y, width, 1, COLOUR_QUIET, labels[which], true);
        y += small + LABEL_GAP;
        draw_field(screen, which, (struct screen_box){x, y, width, FIELD_HEIGHT});
        y += FIELD_HEIGHT + GAP;
    }
    paragraph(screen, FONT_SMALL, x, y, width, MESSAGE_LINES, COLOUR_WRONG, screen->message, true);
    y += MESSAGE_LINES * small + GAP;
    draw_button(screen, FOCUS_OK,
                (struct screen_box){x + width - BUTTON_WIDTH, y, BUTTON_WIDTH, FIELD_HEIGHT}, "OK");
    if (screen->locks & WINSTATION_CAPS)
        paragraph(screen, FONT_SMALL, x, y + (FIELD_HEIGHT - small) / 2, width - BUTTON_WIDTH - GAP, 1,
                  COLOUR_HINT, "Caps Lock is on", true);
}

void screen_draw_all(struct screen *screen)
{
    struct screen_box whole = {0, 0, (int)screen->width, (int)screen->height};
    fill(screen, whole, COLOUR_BACK);
    memset(screen->boxes, 0, sizeof screen->boxes);
    if (screen->kind == SCREEN_NOTICE)
        draw_notice(screen);
    else if (screen->kind == SCREEN_QUESTION)
        draw_question(screen);
    else if (screen->kind == SCREEN_LOGON)
        draw_logon(screen);
    screen->damage.count = 0;
    damage_add(screen, whole);
}

void screen_draw_panel(struct screen *screen)
{
    if (screen->kind == SCREEN_QUESTION) {
        draw_question(screen);
        damage_add(screen, question_box(screen));
    }
    if (screen->kind != SCREEN_LOGON)
        return;
    draw_logon(screen);
    damage_add(screen, panel_box(screen, logon_height(screen)));
}
