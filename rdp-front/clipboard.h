/* The clipboard (MS-RDPECLIP) of a client and of its session: a part of rdp-front/redirect.h. Which of the
 * two copied last has what is pasted on both sides; what the client brings when it connects counts as newer
 * than what the session has; of two lists that cross the session's counts, unless the client refuses it. With
 * REDIRECT_CLIPBOARD_IN alone the client is told nothing of the session's, and what it asks for is refused;
 * with REDIRECT_CLIPBOARD_OUT alone the session is told nothing of the client's, and the client is asked for
 * nothing. Data passes through unread. Files are not redirected. */
#pragma once

#include "rdp-front/redirect.h"

extern const struct redirect_part clipboard_part;
