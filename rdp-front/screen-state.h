/* What a screen holds: shared by screen.c (what happens) and screen-draw.c (what it looks like) alone. */
#pragma once

#include "rdp-front/font.h"
#include "rdp-front/keymap.h"
#include "rdp-front/screen.h"

#define SCREEN_TEXT_ROOM  512
#define SCREEN_FIELD_ROOM (CREDENTIALS_PASSWORD_MAX + 1)

enum screen_kind { SCREEN_BLANK, SCREEN_NOTICE, SCREEN_QUESTION, SCREEN_LOGON };
enum screen_focus { FOCUS_USER, FOCUS_PASSWORD, FOCUS_OK, FOCUS_CANCEL, FOCUS_COUNT };

/* One line of text that is typed, UTF-8. */
struct screen_field {
    char text[SCREEN_FIELD_ROOM];
    size_t length, most; /* bytes; most: that it may hold */
    size_t cursor;       /* the byte before which is typed, at a character's begin */
};

struct screen_box {
    int x, y, width, height;
};

struct screen {
    const struct font *font;
    unsigned width, height;
    uint8_t *pixels;
    enum screen_kind kind;
    char title[SCREEN_TEXT_ROOM], sentence[SCREEN_TEXT_ROOM],
        detail[SCREEN_TEXT_ROOM];                           /* of a notice or a question */
    char choices[2][32];                                    /* of a question: yes, no */
    char host[SCREEN_TEXT_ROOM], message[SCREEN_TEXT_ROOM]; /* of the logon */
    struct screen_field fields[2];                          /* by focus */
    enum screen_focus focus;
    const struct keymap *keymap;
    struct keymap_state keys;
    unsigned held;  /* modifier keys that are down, HELD_ bits of screen.c */
    unsigned locks; /* winstation_lock bits */
    unsigned buttons;
    uint16_t high_surrogate;
    bool submitted;
    struct screen_box boxes[FOCUS_COUNT]; /* where the person can click; set by drawing */
    struct rectangles damage;
};

/* Draws everything anew: for another kind of picture or another size. */
void screen_draw_all(struct screen *screen);
/* Draws what input changes: the panel of the logon screen or the question. */
void screen_draw_panel(struct screen *screen);

/* The length in bytes of the character that begins at `at`, and of the one that ends before it. */
size_t screen_character_after(const struct screen_field *field, size_t at);
size_t screen_character_before(const struct screen_field *field, size_t at);
