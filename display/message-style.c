#include "display/message-style.h"

/* Statuses that nothing else ends with: an answer that nobody gave would be worse than none. */
#define STATUS_FIRST   40
#define STATUS_TIMEOUT 60

#define KIND_MASK      0xFu
#define ICON_MASK      0xF0u
#define DEFAULT_MASK   0xF00u

#define OK                    \
    {                         \
        MESSAGE_OK, "OK", 'o' \
    }
#define CANCEL                        \
    {                                 \
        MESSAGE_CANCEL, "Cancel", 'c' \
    }
#define ABORT                       \
    {                               \
        MESSAGE_ABORT, "Abort", 'a' \
    }
#define RETRY                       \
    {                               \
        MESSAGE_RETRY, "Retry", 'r' \
    }
#define IGNORE                        \
    {                                 \
        MESSAGE_IGNORE, "Ignore", 'i' \
    }
#define YES                     \
    {                           \
        MESSAGE_YES, "Yes", 'y' \
    }
#define NO                    \
    {                         \
        MESSAGE_NO, "No", 'n' \
    }

/* In the order of MB_OK ... MB_RETRYCANCEL. */
static const struct message_buttons kinds[] = {
    {1, {OK}, MESSAGE_OK},
    {2, {OK, CANCEL}, MESSAGE_CANCEL},
    {3, {ABORT, RETRY, IGNORE}, 0},
    {3, {YES, NO, CANCEL}, MESSAGE_CANCEL},
    {2, {YES, NO}, 0},
    {2, {RETRY, CANCEL}, MESSAGE_CANCEL},
};

const struct message_buttons *message_buttons_of(uint32_t style)
{
    size_t kind = style & KIND_MASK;
    return &kinds[kind < sizeof(kinds) / sizeof(kinds[0]) ? kind : 0];
}

size_t message_default_of(uint32_t style)
{
    size_t wanted = (style & DEFAULT_MASK) >> 8;
    return wanted < message_buttons_of(style)->count ? wanted : 0;
}

enum message_icon message_icon_of(uint32_t style)
{
    unsigned icon = (style & ICON_MASK) >> 4;
    return icon <= MESSAGE_INFORMATION ? (enum message_icon)icon : MESSAGE_NO_ICON;
}

int message_status_of(unsigned response)
{
    if (response == MESSAGE_TIMEOUT)
        return STATUS_TIMEOUT;
    return response >= MESSAGE_OK && response <= MESSAGE_NO ? STATUS_FIRST + (int)response : 0;
}

uint32_t message_response_of(int status)
{
    if (status == STATUS_TIMEOUT)
        return MESSAGE_TIMEOUT;
    return status >= STATUS_FIRST + MESSAGE_OK && status <= STATUS_FIRST + MESSAGE_NO
               ? (uint32_t)(status - STATUS_FIRST)
               : 0;
}
