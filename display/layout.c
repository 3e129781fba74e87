#include "display/layout.h"

/* For a language of several countries the first row is the one that other countries get. */
static const struct layout layouts[] = {
    {0x0409, "us", ""},
    {0x00010409, "us", "dvorak"},
    {0x00020409, "us", "intl"},
    {0x00030409, "us", "dvorak-l"},
    {0x00040409, "us", "dvorak-r"},
    {0x0809, "gb", ""},
    {0x00010809, "gb", "extd"},
    {0x1009, "ca", "eng"},
    {0x1809, "ie", ""},
    {0x00011009, "ca", "multix"},
    {0x0C09, "us", ""},
    {0x1409, "us", ""},
    {0x4009, "in", "eng"},
    {0x0407, "de", ""},
    {0x00010407, "de", ""},
    {0x0807, "ch", ""},
    {0x0C07, "at", ""},
    {0x1007, "de", ""},
    {0x1407, "ch", ""},
    {0x040C, "fr", ""},
    {0x0001040C, "fr", "bepo"},
    {0x080C, "be", ""},
    {0x0C0C, "ca", "fr-legacy"},
    {0x100C, "ch", "fr"},
    {0x140C, "ch", "fr"},
    {0x0001080C, "be", ""},
    {0x180C, "fr", ""},
    {0x0C0A, "es", ""},
    {0x040A, "es", ""},
    {0x080A, "latam", ""},
    {0x0001040A, "es", ""},
    {0x100A, "latam", ""},
    {0x140A, "latam", ""},
    {0x180A, "latam", ""},
    {0x1C0A, "latam", ""},
    {0x200A, "latam", ""},
    {0x240A, "latam", ""},
    {0x280A, "latam", ""},
    {0x2C0A, "latam", ""},
    {0x300A, "latam", ""},
    {0x340A, "latam", ""},
    {0x380A, "latam", ""},
    {0x3C0A, "latam", ""},
    {0x400A, "latam", ""},
    {0x440A, "latam", ""},
    {0x480A, "latam", ""},
    {0x4C0A, "latam", ""},
    {0x500A, "latam", ""},
    {0x540A, "latam", ""},
    {0x0410, "it", ""},
    {0x0810, "ch", "fr"},
    {0x0816, "pt", ""},
    {0x0416, "br", ""},
    {0x00010416, "br", ""},
    {0x0413, "nl", ""},
    {0x0813, "be", ""},
    {0x00010C0C, "ca", "multix"},
    {0x0406, "dk", ""},
    {0x041D, "se", ""},
    {0x081D, "fi", ""},
    {0x0414, "no", ""},
    {0x0814, "no", ""},
    {0x040B, "fi", ""},
    {0x040F, "is", ""},
    {0x0438, "fo", ""},
    {0x0415, "pl", ""},
    {0x00010415, "pl", "qwertz"},
    {0x0405, "cz", ""},
    {0x00010405, "cz", "qwerty"},
    {0x041B, "sk", ""},
    {0x0001041B, "sk", "qwerty"},
    {0x040E, "hu", ""},
    {0x0418, "ro", ""},
    {0x00010418, "ro", ""},
    {0x0402, "bg,us", ""},
    {0x00010402, "bg,us", "phonetic"},
    {0x0424, "si", ""},
    {0x041A, "hr", ""},
    {0x141A, "ba", ""},
    {0x0C1A, "rs,us", ""},
    {0x081A, "rs", "latin"},
    {0x241A, "rs", "latin"},
    {0x281A, "rs,us", ""},
    {0x042F, "mk,us", ""},
    {0x041C, "al", ""},
    {0x0419, "ru,us", ""},
    {0x00010419, "ru,us", "typewriter"},
    {0x00020419, "ru,us", "phonetic"},
    {0x0422, "ua,us", ""},
    {0x00020422, "ua,us", ""},
    {0x0423, "by,us", ""},
    {0x043F, "kz,us", ""},
    {0x0437, "ge,us", ""},
    {0x042B, "am,us", ""},
    {0x0425, "ee", ""},
    {0x0426, "lv", ""},
    {0x0427, "lt", ""},
    {0x00010427, "lt", ""},
    {0x043A, "mt", ""},
    {0x0408, "gr,us", ""},
    {0x041F, "tr", ""},
    {0x0001041F, "tr", "f"},
    {0x040D, "il,us", ""},
    {0x0401, "ara,us", ""},
    {0x0429, "ir,us", ""},
    {0x0439, "in,us", ""},
    {0x041E, "th,us", ""},
    {0x042A, "vn", ""},
    {0x0411, "jp", ""},
    {0x0412, "kr", ""},
    {0x0404, "tw", ""},
    {0x0804, "cn", ""},
    {0x0C04, "us", ""},
    {0x1004, "us", ""},
};

const struct layout *layout_at(size_t index)
{
    return index < sizeof(layouts) / sizeof(layouts[0]) ? &layouts[index] : NULL;
}

static const struct layout *find(uint32_t value, uint32_t mask)
{
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        if ((layouts[i].windows & mask) == value)
            return &layouts[i];
    }
    return NULL;
}

const struct layout *layout_find(uint32_t windows)
{
    if ((windows & 0xFFFF) == 0)
        return NULL;
    const struct layout *layout = find(windows, 0xFFFFFFFF);
    if (layout == NULL)
        layout = find(windows & 0xFFFF, 0xFFFFFFFF);
    if (layout == NULL)
        layout = find(windows & 0x3FF, 0x3FF);
    return layout;
}
