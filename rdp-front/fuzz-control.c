/* The decoder of the front end's own messages: the first byte is the sender, the second the descriptors. */
#include "rdp-front/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t body[65536], again[65536];
    if (size < 2)
        return 0;
    const struct message_type *type;
    const char *problem;
    if (message_decode(&control_protocol, data[0], data + 2, size - 2, data[1], body, sizeof(body), &type,
                       &problem) != 0)
        return 0;
    /* what was taken is written the same */
    int encoded = message_encode(&control_protocol, type->number, body, again, sizeof(again));
    if (encoded != (int)size - 2 || __builtin_memcmp(again, data + 2, size - 2) != 0)
        __builtin_trap();
    return 0;
}
