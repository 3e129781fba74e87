#include <stdint.h>

#include "common/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct conf conf;
    char error[512];
    conf_defaults(&conf);
    conf_parse(&conf, "fuzz", (const char *)data, size, error, sizeof(error));
    return 0;
}
