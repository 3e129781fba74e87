#include "ctl/json.h"

#include "tests/check.h"

struct capture {
    char *text;
    size_t size;
    FILE *out;
};

static struct json_writer start(struct capture *capture)
{
    capture->text = NULL;
    capture->out = open_memstream(&capture->text, &capture->size);
    CHECK(capture->out != NULL);
    return json_writer_on(capture->out);
}

static void expect(struct capture *capture, const char *want)
{
    CHECK(fclose(capture->out) == 0);
    CHECK_TEXT(capture->text, want);
    free(capture->text);
}

static void test_string(const char *text, const char *want)
{
    struct capture capture;
    struct json_writer writer = start(&capture);
    json_put_text(&writer, NULL, text);
    expect(&capture, want);
}

int main(void)
{
    test_string("plain", "\"plain\"");
    test_string(NULL, "\"\"");
    test_string("a\"b\\c", "\"a\\\"b\\\\c\"");
    test_string("\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"");
    test_string("\x01\x1b[2J\x7f", "\"\\u0001\\u001b[2J\\u007f\"");
    test_string("J\xc3\xb6rg \xe2\x82\xac \xf0\x9f\x8f\xa8", "\"J\xc3\xb6rg \xe2\x82\xac \xf0\x9f\x8f\xa8\"");
    test_string("\xc2\x9b"
                "2J\xc2\xa0",
                "\"\\u009b2J\xc2\xa0\"");
    test_string("a\xff\xc3", "\"a\\ufffd\\ufffd\"");
    test_string("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");
    test_string("\xc0\x80", "\"\\ufffd\\ufffd\"");

    struct capture capture;
    struct json_writer writer = start(&capture);
    json_open_array(&writer, NULL);
    json_open_object(&writer, NULL);
    json_put_number(&writer, "largest", UINT64_MAX);
    json_put_bool(&writer, "lab", true);
    json_open_object(&writer, "client");
    json_close_object(&writer);
    json_open_array(&writer, "k\"ey");
    json_put_number(&writer, NULL, 0);
    json_put_bool(&writer, NULL, false);
    json_close_array(&writer);
    json_close_object(&writer);
    json_open_object(&writer, NULL);
    json_close_object(&writer);
    json_close_array(&writer);
    expect(&capture,
           "[{\"largest\":18446744073709551615,\"lab\":true,\"client\":{},\"k\\\"ey\":[0,false]},{}]");
    return 0;
}
