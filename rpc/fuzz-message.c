/* Both fixed-layout protocols' decoder: the first byte picks the protocol, the second the sender. */
#include "rpc/message.h"

#include "rpc/sm.h"
#include "rpc/winstation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t body[65536], again[65536];
    if (size < 3)
        return 0;
    const struct protocol *protocol = data[0] & 1 ? &winstation_protocol : &sm_protocol;
    const struct message_type *type;
    const char *problem;
    if (message_decode(protocol, data[1], data + 3, size - 3, data[2], body, sizeof(body), &type, &problem) !=
        0)
        return 0;
    /* what was taken is written the same */
    int encoded = message_encode(protocol, type->number, body, again, sizeof(again));
    if (encoded != (int)size - 3 || __builtin_memcmp(again, data + 3, size - 3) != 0)
        __builtin_trap();
    return 0;
}
