/* What a message box has, by the style of WTSSendMessage, and how its answer comes back: lodge-message says
 * by its exit status what the person chose. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_MAX_BUTTONS 3

enum message_id {
    MESSAGE_OK = 1,
    MESSAGE_CANCEL = 2,
    MESSAGE_ABORT = 3,
    MESSAGE_RETRY = 4,
    MESSAGE_IGNORE = 5,
    MESSAGE_YES = 6,
    MESSAGE_NO = 7,
    MESSAGE_TIMEOUT = 32000,
};

enum message_icon { MESSAGE_NO_ICON, MESSAGE_ERROR, MESSAGE_QUESTION, MESSAGE_WARNING, MESSAGE_INFORMATION };

struct message_button {
    uint8_t id;
    const char *label;
    char mnemonic; /* the letter that chooses it, small; 0: none */
};

struct message_buttons {
    size_t count;
    struct message_button at[MESSAGE_MAX_BUTTONS];
    uint8_t escape; /* what Escape answers; 0: nothing */
};

/* The buttons of a style; those of OK where the style is of no known kind. */
const struct message_buttons *message_buttons_of(uint32_t style);
/* The index of the button that Enter chooses first. */
size_t message_default_of(uint32_t style);
enum message_icon message_icon_of(uint32_t style);

/* The exit status for an answer, and back; 0 for every status that is no answer, such as a crash's. */
int message_status_of(unsigned response);
uint32_t message_response_of(int status);
