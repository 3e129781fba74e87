/* The picture of a message box: where everything is, and its pixels. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "display/message-box.h"
#include "display/message-style.h"
#include "rdp-front/font.h"

#define MESSAGE_MAX_LINES 64

struct picture;

/* What changes while it is shown. */
struct picture_state {
    size_t selected; /* the button that Enter chooses */
    bool pressed;    /* ... is held down by the mouse */
    bool focused;    /* it has the keyboard */
    uint32_t left_s; /* until it closes by itself; 0: not at all */
};

/* Lays the message out, within a screen of that size. NULL where memory is short. The font and the words stay
 * the caller's. */
struct picture *picture_new(const struct font *font, const struct message_words *words, unsigned screen_width,
                            unsigned screen_height);
void picture_free(struct picture *picture);
void picture_draw(struct picture *picture, const struct picture_state *state);
/* B G R x, rows without gaps. */
const struct font_target *picture_target(const struct picture *picture);
/* The index of the button there, or MESSAGE_MAX_BUTTONS. */
size_t picture_button_at(const struct picture *picture, int x, int y);
