#include "rdp-front/control.h"

CONTROL_MESSAGES(MESSAGE_FIELD_TABLE)

static const struct message_type types[] = {CONTROL_MESSAGES(MESSAGE_TYPE)};

const struct protocol control_protocol = {"rdp-front control", CONTROL_VERSION, types,
                                          sizeof(types) / sizeof(types[0])};
