#include "rpc/sm.h"

SM_MESSAGES(MESSAGE_FIELD_TABLE)

static const struct message_type types[] = {SM_MESSAGES(MESSAGE_TYPE)};

const struct protocol sm_protocol = {"sm.port", SM_VERSION, types, sizeof(types) / sizeof(types[0])};
