#include "common/redirect.h"

#include <stdio.h>
#include <string.h>

#include "common/text.h"

const struct redirect_kind_facts redirect_kinds[REDIRECT_KINDS] = {
    [REDIRECT_KIND_CLIPBOARD] = {"clipboard", "lodge-clipboard",
                                 REDIRECT_CLIPBOARD_IN | REDIRECT_CLIPBOARD_OUT},
    [REDIRECT_KIND_AUDIO] = {"audio", "lodge-audio", REDIRECT_PLAYBACK | REDIRECT_CAPTURE},
    [REDIRECT_KIND_DRIVES] = {"drives", "lodge-drives", REDIRECT_DRIVES},
};

const char *redirect_text(uint32_t bits, char *text, size_t size)
{
    static const struct {
        uint32_t bits;
        const char *word;
    } words[] = {
        {REDIRECT_CLIPBOARD_IN | REDIRECT_CLIPBOARD_OUT, "clipboard"},
        {REDIRECT_CLIPBOARD_IN, "clipboard in"},
        {REDIRECT_CLIPBOARD_OUT, "clipboard out"},
        {REDIRECT_DRIVES, "drives"},
        {REDIRECT_PLAYBACK, "audio playback"},
        {REDIRECT_CAPTURE, "audio capture"},
    };
    size_t length = 0;
    text_copy(text, size, "nothing");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && length < size; i++) {
        if ((bits & words[i].bits) != words[i].bits)
            continue;
        bits &= ~words[i].bits;
        length +=
            (size_t)snprintf(text + length, size - length, "%s%s", length > 0 ? ", " : "", words[i].word);
    }
    return text;
}
