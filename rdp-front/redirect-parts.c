#include "rdp-front/redirect.h"

#include "rdp-front/audio.h"
#include "rdp-front/clipboard.h"
#include "rdp-front/drives.h"

const struct redirect_part *const redirect_parts[REDIRECT_KINDS] = {
    [REDIRECT_KIND_CLIPBOARD] = &clipboard_part,
    [REDIRECT_KIND_AUDIO] = &audio_part,
    [REDIRECT_KIND_DRIVES] = &drives_part,
};
