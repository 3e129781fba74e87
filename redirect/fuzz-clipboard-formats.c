/* Every conversion between a client's clipboard and a session's. The first byte chooses. */
#include "redirect/clipboard-formats.h"

#define WAYS (CLIPBOARD_TARGETS * CLIPBOARD_WAYS_MOST)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct clipboard_data made = {0};
    unsigned which = size > 0 ? data[0] % (WAYS + CLIPBOARD_SOURCES) : 0;
    clipboard_converter *convert =
        which < WAYS
            ? clipboard_targets[which / CLIPBOARD_WAYS_MOST].ways[which % CLIPBOARD_WAYS_MOST].convert
            : clipboard_sources[which - WAYS].convert;
    if (size == 0 || convert == NULL)
        return 0;
    if (convert(data + 1, size - 1, &made) != (made.bytes != NULL) || made.total > CLIPBOARD_MOST)
        __builtin_trap();
    clipboard_data_wipe(&made);
    return 0;
}
