/* What is told of a reason to people and clients; apart from reason.c, for programs that tell nobody. */
#include "common/reason.h"

static const struct {
    const char *sentence;
    uint32_t error_info;
} table[] = {
#define REASON_ROW(symbol, name, error_info, sentence) [REASON_##symbol] = {sentence, error_info},
    REASONS(REASON_ROW)
#undef REASON_ROW
};

static uint32_t known(uint32_t reason)
{
    return reason < REASON_COUNT ? reason : REASON_INTERNAL;
}

const char *reason_sentence(uint32_t reason)
{
    return table[known(reason)].sentence;
}

uint32_t reason_error_info(uint32_t reason)
{
    return table[known(reason)].error_info;
}
