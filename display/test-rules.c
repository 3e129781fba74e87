#include "display/rules.h"

#include "tests/check.h"

static void expect(const char *names, size_t size, const char *wanted)
{
    char layout[16] = "before";
    rules_layout(names, size, layout, sizeof(layout));
    CHECK_TEXT(layout, wanted);
}

#define EXPECT(names, wanted) expect(names, sizeof(names) - 1, wanted)

int main(void)
{
    EXPECT("evdev\0pc105\0us\0\0\0", "us/");
    EXPECT("evdev\0pc105\0ch\0fr\0grp:x\0", "ch/fr");
    EXPECT("evdev\0pc105\0ch\0fr\0", "ch/fr");
    EXPECT("evdev\0pc105\0ch\0fr", ""); /* cut short */
    EXPECT("evdev\0pc105\0", "");
    EXPECT("", "");
    EXPECT("base\0pc105\0us\0\0\0", ""); /* other key codes */
    EXPECT("evdev\0pc105\0\0\0\0", "");
    EXPECT("evdev\0pc105\0much-too-long-a-name\0\0\0", "");
    return 0;
}
