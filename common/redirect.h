/* What of a client's computer is brought into its session: the words for it that policy, broker, worker and
 * display agent share. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What may be, or is, redirected. In is from the client to the session. */
enum redirect_bit {
    REDIRECT_CLIPBOARD_IN = 1,
    REDIRECT_CLIPBOARD_OUT = 2,
    REDIRECT_DRIVES = 4,
    REDIRECT_PLAYBACK = 8,
    REDIRECT_CAPTURE = 16,
    REDIRECT_ALL = 31
};

/* Each kind has a program in the session, which the display agent starts, and a part in the worker
 * (rdp-front/redirect.h). */
enum redirect_kind { REDIRECT_KIND_CLIPBOARD, REDIRECT_KIND_AUDIO, REDIRECT_KIND_DRIVES, REDIRECT_KINDS };

struct redirect_kind_facts {
    const char *name, *program;
    uint32_t bits; /* any of which has it used */
};

extern const struct redirect_kind_facts redirect_kinds[REDIRECT_KINDS];

/* The greatest message on the socket between a worker and the program of a kind. */
#define REDIRECT_PACKET_MAX 65536

#define REDIRECT_TEXT_ROOM  96
/* The bits for people: "clipboard in, drives", "nothing". In a buffer of the caller's of `size` bytes.
 * Returns it. */
const char *redirect_text(uint32_t bits, char *text, size_t size);
