#include "rpc/winstation.h"

WINSTATION_MESSAGES(MESSAGE_FIELD_TABLE)

static const struct message_type types[] = {WINSTATION_MESSAGES(MESSAGE_TYPE)};

const struct protocol winstation_protocol = {"winstation", WINSTATION_VERSION, types,
                                             sizeof(types) / sizeof(types[0])};
