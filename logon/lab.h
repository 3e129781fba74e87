/* Lab accounts inside their session: the machine does not know them, so the session's mount namespace gets
 * user and group files that do, and a /home that holds theirs alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/conf.h"
#include "logon/failure.h"
#include "logon/identity.h"

/* On the host: makes the kept home of this account with what /etc/skel has, where it is missing. Nothing to
 * do for a throw-away home. */
bool lab_home_make(const struct conf *conf, const struct identity *identity, struct failure *failure_r);
/* STATE/homes/NAME; `size` CONF_TEXT_MAX + 64. */
const char *lab_home_path(const struct conf *conf, const struct identity *identity, char *path, size_t size);

/* In the session's mount namespace: mounts /home with this account's home alone; `home` is the kept home's
 * descriptor, not used for a throw-away one. */
bool lab_home_mount(const struct identity *identity, int home, struct failure *failure_r);
/* In the session's mount namespace: puts user, group and password files with this account in place, made in
 * the folder `store`, where only root may go. `hash` is the account's. */
bool lab_names_mount(const struct identity *identity, const char *hash, const char *store,
                     struct failure *failure_r);
