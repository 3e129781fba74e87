/* Writes JSON (RFC 8259) to a stream, on one line: objects and arrays in any nesting, and three kinds of
 * value. Text is escaped so that it is safe on a terminal too; bytes that are not UTF-8 become U+FFFD. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_writer {
    FILE *out;
    bool after_value; /* a comma comes before the next value */
};

/* Starts a writer on `out`, which stays the caller's. */
struct json_writer json_writer_on(FILE *out);

/* In all of these `key` names the value in an object, and is NULL in an array and for the outermost value. */
void json_open_object(struct json_writer *writer, const char *key);
void json_close_object(struct json_writer *writer);
void json_open_array(struct json_writer *writer, const char *key);
void json_close_array(struct json_writer *writer);
/* NULL counts as "". */
void json_put_text(struct json_writer *writer, const char *key, const char *text);
void json_put_number(struct json_writer *writer, const char *key, uint64_t number);
void json_put_bool(struct json_writer *writer, const char *key, bool value);
