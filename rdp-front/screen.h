/* Pictures that Lodge draws itself, in memory of its own: the logon screen, a question, and notices
 * ("connecting", why something was refused). One screen a client; it knows nothing of RDP. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rdp-front/font.h"
#include "rpc/credentials.h"
#include "rpc/winstation.h"

struct screen;

/* A blank screen of this size in pixels (held within WINSTATION_MIN_SIZE..MAX). `font` must outlive it.
 * Returns NULL where memory is short. */
struct screen *screen_new(const struct font *font, unsigned width, unsigned height);
/* Wipes what was typed; NULL is fine. */
void screen_free(struct screen *screen);
/* Another size, with everything that is shown and typed kept, drawn anew in new memory: the old pixels are
 * gone, so hand the new ones to graphics_set_screen at once. Returns false, nothing changed, where memory is
 * short. */
bool screen_resize(struct screen *screen, unsigned width, unsigned height);

/* Shows a notice: a title, a sentence, and a smaller detail (each may be NULL), wrapped. UTF-8; text is
 * copied. */
void screen_notice(struct screen *screen, const char *title, const char *sentence, const char *detail);
/* Shows the logon screen: the host's name, fields for name (filled with `user`, may be NULL) and password
 * (empty), and a message (why the last try was refused; may be NULL). `keyboard_layout` is a Windows layout
 * id as 0x407; one that is not known counts as US. */
void screen_logon(struct screen *screen, const char *host, const char *user, const char *message,
                  uint32_t keyboard_layout);

/* Shows a question with two answers; the second, which changes nothing, is chosen until the person chooses.
 */
void screen_question(struct screen *screen, const char *title, const char *sentence, const char *detail,
                     const char *yes, const char *no);

/* Input for the logon screen and the question; on a notice it does nothing. A scancode of set 1 with
 * winstation_key_flag bits; a UTF-16 code unit; a position with the winstation_button bits that are down; the
 * winstation_lock bits that are on. */
void screen_key(struct screen *screen, unsigned flags, unsigned scancode);
void screen_text(struct screen *screen, bool down, uint16_t unit);
void screen_mouse(struct screen *screen, unsigned x, unsigned y, unsigned buttons);
void screen_locks(struct screen *screen, unsigned locks);
/* Once after the person pressed Enter or OK: returns true with name and password, which the caller wipes
 * (credentials_wipe); the screen's own password is wiped. False when nothing is submitted. */
bool screen_take(struct screen *screen, struct credentials *credentials_r);

/* Once after the person has answered the question: returns true with the answer. */
bool screen_answer(struct screen *screen, bool *yes_r);

/* What was drawn since the last call; count 0: nothing. */
void screen_damage(struct screen *screen, struct rectangles *damage_r);
/* B G R x, screen_stride bytes a row, valid until screen_resize or screen_free. */
const uint8_t *screen_pixels(const struct screen *screen);
size_t screen_stride(const struct screen *screen);
unsigned screen_width(const struct screen *screen);
unsigned screen_height(const struct screen *screen);
