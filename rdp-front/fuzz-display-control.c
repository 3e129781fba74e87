/* The decoder of the Display Control channel: what it takes is a size that a session can have. */
#include "rdp-front/display-control.h"
#include "rpc/winstation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct display_size wanted;
    const char *problem;
    bool taken = display_control_layout(data, size, &wanted, &problem);
    if (taken != (problem == NULL))
        __builtin_trap();
    if (taken && (wanted.width < WINSTATION_MIN_SIZE || wanted.width > WINSTATION_MAX_WIDTH ||
                  wanted.width % 2 != 0 || wanted.height < WINSTATION_MIN_SIZE ||
                  wanted.height > WINSTATION_MAX_HEIGHT || size > DISPLAY_CONTROL_LAYOUT_BYTES))
        __builtin_trap();
    return 0;
}
