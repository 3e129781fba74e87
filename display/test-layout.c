#include "display/layout.h"

#include <stdbool.h>
#include <unistd.h>

#include "tests/check.h"

#define SYMBOLS "/usr/share/X11/xkb/symbols"

static void expect(uint32_t windows, const char *layout, const char *variant)
{
    const struct layout *found = layout_find(windows);
    CHECK(found != NULL);
    CHECK_TEXT(found->layout, layout);
    CHECK_TEXT(found->variant, variant);
}

static void test_find(void)
{
    expect(0x409, "us", "");
    expect(0x00020409, "us", "intl");
    expect(0x809, "gb", "");
    expect(0x407, "de", "");
    expect(0x807, "ch", "");
    expect(0x100C, "ch", "fr");
    expect(0x80C, "be", "");
    expect(0x419, "ru,us", "");
    expect(0xE0010411, "jp", ""); /* an input method of the language */
    expect(0x04070407, "de", ""); /* layout and language in one */
    expect(0x1C07, "de", "");     /* German of another country */
    expect(0xF0C20407, "de", ""); /* a layout that somebody made */
    CHECK(layout_find(0) == NULL);
    CHECK(layout_find(0x00020000) == NULL);
    CHECK(layout_find(0x3FF) == NULL);
}

/* Every row's layout is one that XKB has. Returns false where XKB's files are missing. */
static bool test_names(void)
{
    if (access(SYMBOLS, R_OK) != 0)
        return false;
    const struct layout *row;
    for (size_t i = 0; (row = layout_at(i)) != NULL; i++) {
        char path[128], name[32], line[256], wanted[64];
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(row->layout, ","), row->layout);
        snprintf(path, sizeof(path), SYMBOLS "/%s", name);
        snprintf(wanted, sizeof(wanted), "\"%s\"", row->variant);
        FILE *file = fopen(path, "r");
        CHECK(file != NULL);
        bool found = row->variant[0] == '\0';
        while (!found && fgets(line, sizeof(line), file) != NULL)
            found = strstr(line, "xkb_symbols") != NULL && strstr(line, wanted) != NULL;
        fclose(file);
        CHECK(found);
        CHECK(layout_find(row->windows)->windows == row->windows);
    }
    return true;
}

int main(void)
{
    test_find();
    return test_names() ? 0 : 77;
}
