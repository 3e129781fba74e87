/* Who has logged on. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "logon/accounts.h"
#include "rpc/sm.h"

struct identity {
    enum sm_account account;
    char name[SM_USER_ROOM]; /* canonical */
    uid_t uid;
    gid_t gid;
    char home[SM_PATH_ROOM]; /* inside the session */
    char shell[SM_PATH_ROOM];
    struct account lab; /* of a lab account; no hash */
};
