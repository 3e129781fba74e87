/* A message box on the X display: one window above all others, which takes the keyboard only when the person
 * clicks it, so that what they type elsewhere cannot answer it. */
#pragma once

#include <stdint.h>

/* The words are UTF-8, already made harmless by message_clean. */
struct message_words {
    const char *title, *text;
    uint32_t style;
    uint32_t timeout_s; /* 0: none */
};

/* Shows the message on $DISPLAY until it is answered or its time is over. Returns the response (enum
 * message_id), or 0, with a sentence in *problem_r, when it could not be shown. */
unsigned message_box_show(const struct message_words *words, const char **problem_r);
