/* Text and HTML as a client's clipboard has them (rpc/clipboard.h), and as X programs have them: UTF-8, lines
 * with LF. Input is hostile. Each fills *to_r, the caller's to wipe, and returns false where that would be
 * more than CLIPBOARD_MOST or memory is out. What is no character becomes U+FFFD. */
#pragma once

#include "rpc/clipboard.h"

bool clipboard_text_from_client(const uint8_t *from, size_t size, struct clipboard_data *to_r);
bool clipboard_text_to_client(const uint8_t *from, size_t size, struct clipboard_data *to_r);
/* X's STRING: ISO Latin 1. What that lacks becomes '?'. */
bool clipboard_latin_from_client(const uint8_t *from, size_t size, struct clipboard_data *to_r);
bool clipboard_latin_to_client(const uint8_t *from, size_t size, struct clipboard_data *to_r);
/* The document, which says that it is UTF-8. False also where the head's offsets are wrong. */
bool clipboard_html_from_client(const uint8_t *from, size_t size, struct clipboard_data *to_r);
/* UTF-8, or UTF-16 that begins with a byte order mark. */
bool clipboard_html_to_client(const uint8_t *from, size_t size, struct clipboard_data *to_r);
/* Bytes as they are, without NULs at their end. */
bool clipboard_plain_copy(const uint8_t *from, size_t size, struct clipboard_data *to_r);
