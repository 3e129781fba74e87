#include "common/reason.h"

/* What a person or a client is told is in reason-text.c: lodge-smss has no need of that. */
static const char *const names[] = {
#define REASON_NAME(symbol, name, error_info, sentence) [REASON_##symbol] = (name),
    REASONS(REASON_NAME)
#undef REASON_NAME
};

_Static_assert(sizeof(names) / sizeof(names[0]) == REASON_COUNT, "each reason has its row");

const char *reason_name(uint32_t reason)
{
    return names[reason < REASON_COUNT ? reason : REASON_INTERNAL];
}
