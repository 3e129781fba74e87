/* Apart from the table of the keys: who does not show these texts need not carry them. */
#include "common/conf.h"

static const char *const texts[] = {
#define HELP_ROW(section, key, type, field, minimum, maximum, initial, reloadable, help) help,
    CONF_KEYS(HELP_ROW)
#undef HELP_ROW
};

const char *conf_key_help(size_t index)
{
    return texts[index];
}
