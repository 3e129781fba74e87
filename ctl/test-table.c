#include "ctl/table.h"

#include "tests/check.h"

static const char *colour(const char *cell)
{
    return strcmp(cell, "active") == 0 ? "32" : NULL;
}

static const struct table_column columns[] = {
    {"ID", true, false, NULL},
    {"NAME", false, true, NULL},
    {"STATE", false, false, colour},
};

static void expect(const struct table *table, size_t width, bool with_colour, const char *want)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    CHECK(out != NULL);
    table_print(table, out, width, with_colour);
    CHECK(fclose(out) == 0);
    CHECK_TEXT(text, want);
    free(text);
}

int main(void)
{
    struct table *table = table_new(columns, 3);
    expect(table, 80, false, "ID  NAME  STATE\n");
    table_add_row(table, (const char *[]){"1", "J\xc3\xb6rg", "active"});
    table_add_row(table, (const char *[]){"100", "a\033[2J\nb", "down"});
    table_add_row(table, (const char *[]){"7", "\xe6\x97\xa5\xe6\x9c\xac", NULL});
    expect(table, 0, false,
           " ID  NAME           STATE\n"
           "  1  J\xc3\xb6rg           active\n"
           "100  a\\x1b[2J\\x0ab  down\n"
           "  7  \xe6\x97\xa5\xe6\x9c\xac           \n");
    expect(table, 20, false,
           " ID  NAME     STATE\n"
           "  1  J\xc3\xb6rg     active\n"
           "100  a\\x1b[\xe2\x80\xa6  down\n"
           "  7  \xe6\x97\xa5\xe6\x9c\xac     \n");
    /* Nothing is cut below what can still be recognised. */
    expect(table, 1, false,
           " ID  NAME    STATE\n"
           "  1  J\xc3\xb6rg    active\n"
           "100  a\\x1b\xe2\x80\xa6  down\n"
           "  7  \xe6\x97\xa5\xe6\x9c\xac    \n");
    table_free(table);

    table = table_new(columns, 3);
    table_add_row(table, (const char *[]){"1", "ann", "active"});
    table_add_row(table, (const char *[]){"2", "bob", "down"});
    expect(table, 80, true,
           "\033[1mID\033[0m  \033[1mNAME\033[0m  \033[1mSTATE\033[0m\n"
           " 1  ann   \033[32mactive\033[0m\n"
           " 2  bob   down\n");
    /* Wide characters are never cut in two. */
    table_add_row(table, (const char *[]){"3", "\xe6\x97\xa5\xe6\x9c\xac\xe6\x97\xa5\xe6\x9c\xac", ""});
    expect(table, 18, false,
           "ID  NAME    STATE\n"
           " 1  ann     active\n"
           " 2  bob     down\n"
           " 3  \xe6\x97\xa5\xe6\x9c\xac\xe2\x80\xa6   \n");
    table_free(table);
    CHECK(terminal_width(-1) == 0 && !terminal_has_colour(-1));
    return 0;
}
