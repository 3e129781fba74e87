#include "common/reason.h"

static const struct {
    const char *name, *sentence;
    uint32_t error_info;
} table[] = {
#define REASON_ROW(symbol, name, error_info, sentence) [REASON_##symbol] = {name, sentence, error_info},
    REASONS(REASON_ROW)
#undef REASON_ROW
};

_Static_assert(sizeof(table) / sizeof(table[0]) == REASON_COUNT, "each reason has its row");

static uint32_t known(uint32_t reason)
{
    return reason < REASON_COUNT ? reason : REASON_INTERNAL;
}

const char *reason_name(uint32_t reason)
{
    return table[known(reason)].name;
}

const char *reason_sentence(uint32_t reason)
{
    return table[known(reason)].sentence;
}

uint32_t reason_error_info(uint32_t reason)
{
    return table[known(reason)].error_info;
}
