#include "ctl/json.h"

#include <inttypes.h>
#include <string.h>

#include "common/text.h"

struct json_writer json_writer_on(FILE *out)
{
    return (struct json_writer){.out = out};
}

/* The length of the UTF-8 sequence at `at`, of which `left` bytes are there; 0 when it is none. */
static size_t sequence_length(const char *at, size_t left)
{
    for (size_t length = 1; length <= 4 && length <= left; length++) {
        if (text_is_utf8(at, length))
            return length;
    }
    return 0;
}

static void put_ascii(FILE *out, unsigned char byte)
{
    static const char plain[] = "\"\\\b\f\n\r\t", escaped[] = "\"\\bfnrt";
    const char *found = strchr(plain, byte);
    if (found != NULL)
        fprintf(out, "\\%c", escaped[found - plain]);
    else if (byte < 0x20 || byte == 0x7f)
        fprintf(out, "\\u%04x", byte);
    else
        fputc(byte, out);
}

static void put_string(FILE *out, const char *text)
{
    size_t left = strlen(text);
    fputc('"', out);
    for (size_t step; left > 0; text += step, left -= step) {
        const unsigned char *bytes = (const unsigned char *)text;
        size_t length = sequence_length(text, left);
        step = length > 0 ? length : 1;
        if (length == 0)
            fputs("\\ufffd", out);
        else if (length == 1)
            put_ascii(out, bytes[0]);
        else if (length == 2 && bytes[0] == 0xc2 && bytes[1] < 0xa0)
            fprintf(out, "\\u%04x", bytes[1]); /* the C1 controls */
        else
            fwrite(text, 1, length, out);
    }
    fputc('"', out);
}

static void start_value(struct json_writer *writer, const char *key)
{
    if (writer->after_value)
        fputc(',', writer->out);
    if (key != NULL) {
        put_string(writer->out, key);
        fputc(':', writer->out);
    }
    writer->after_value = true;
}

static void open_nest(struct json_writer *writer, const char *key, char bracket)
{
    start_value(writer, key);
    fputc(bracket, writer->out);
    writer->after_value = false;
}

static void close_nest(struct json_writer *writer, char bracket)
{
    fputc(bracket, writer->out);
    writer->after_value = true;
}

void json_open_object(struct json_writer *writer, const char *key)
{
    open_nest(writer, key, '{');
}

void json_close_object(struct json_writer *writer)
{
    close_nest(writer, '}');
}

void json_open_array(struct json_writer *writer, const char *key)
{
    open_nest(writer, key, '[');
}

void json_close_array(struct json_writer *writer)
{
    close_nest(writer, ']');
}

void json_put_text(struct json_writer *writer, const char *key, const char *text)
{
    start_value(writer, key);
    put_string(writer->out, text != NULL ? text : "");
}

void json_put_number(struct json_writer *writer, const char *key, uint64_t number)
{
    start_value(writer, key);
    fprintf(writer->out, "%" PRIu64, number);
}

void json_put_bool(struct json_writer *writer, const char *key, bool value)
{
    start_value(writer, key);
    fputs(value ? "true" : "false", writer->out);
}
