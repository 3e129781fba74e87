#include "rpc/lsm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Lodge__Lsm__Request *request = lodge__lsm__request__unpack(NULL, size, data);
    if (request != NULL)
        lodge__lsm__request__free_unpacked(request, NULL);
    Lodge__Lsm__Answer *answer = lodge__lsm__answer__unpack(NULL, size, data);
    if (answer != NULL)
        lodge__lsm__answer__free_unpacked(answer, NULL);
    return 0;
}
