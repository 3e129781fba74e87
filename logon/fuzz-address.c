/* What comes of a client's address is one, and the same again when it is read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "logon/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[256], host[ADDRESS_HOST_ROOM], again[ADDRESS_HOST_ROOM];
    if (size >= sizeof(text))
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (!address_host(text, host, sizeof(host)))
        return 0;
    if (!address_host(host, again, sizeof(again)) || strcmp(host, again) != 0)
        abort();
    return 0;
}
