/* The worker's part of drives with two hostile ends. Input: packets, each with a byte that says from whom,
 * and its size in two. */
#include <stdlib.h>
#include <string.h>

#include "rdp-front/drives.h"
#include "rpc/drives.h"

void redirect_to_client(struct redirect *redirect, unsigned channel, const void *data, size_t size)
{
    (void)redirect, (void)data;
    if (channel != 0 || size < 4)
        __builtin_trap();
}

void redirect_to_session(struct redirect *redirect, const void *data, size_t size)
{
    (void)redirect, (void)data;
    if (size < DRIVES_REMOVE_SIZE || size > REDIRECT_PACKET_MAX)
        __builtin_trap();
}

static const char *play(void *state, uint8_t from, const uint8_t *data, size_t size)
{
    switch (from % 4) {
    case 0:
        return drives_part.from_client(state, 0, data, size);
    case 1:
        return drives_part.from_session(state, data, size);
    case 2:
        drives_part.session_gone(state);
        return NULL;
    default:
        return drives_part.session_there(state);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *state = drives_part.open(NULL, REDIRECT_DRIVES);
    const char *problem = drives_part.client_there(state, 0);
    while (problem == NULL && size >= 3) {
        size_t length = (size_t)data[1] | (size_t)data[2] << 8;
        length = length < size - 3 ? length : size - 3;
        uint8_t *copy = malloc(length + 1);
        memcpy(copy, data + 3, length);
        problem = play(state, data[0], copy, length);
        free(copy);
        data += 3 + length;
        size -= 3 + length;
    }
    drives_part.close(state);
    return 0;
}
