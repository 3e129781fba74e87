/* Finding sessions, and lists of them. */
#pragma once

#include <stdint.h>

#include "ctl/server.h"

/* Pages of a list: the answers own what is in it. */
struct session_pages {
    Lodge__Lsm__Answer **answers;
    size_t count;
};

/* Fetches all pages of what `list` asks for, whose cursor moves along, into *pages, which was empty. Freed by
 * the caller, whatever is returned. Returns CTL_DONE, or the exit code, having said why. */
enum ctl_exit session_fetch_pages(struct server *server, Lodge__Lsm__ListRequest *list,
                                  struct session_pages *pages);
/* Adds a page, which is theirs from then on. */
void session_pages_add(struct session_pages *pages, Lodge__Lsm__Answer *answer);
void session_pages_free(struct session_pages *pages);
/* How long nobody has been connected, or, while somebody is, how long they have done nothing; 0: not known.
 */
uint64_t session_idle_ms(const Lodge__Lsm__Session *session);
/* Asks `method`, one that takes a SessionRequest, about the session of the arguments, as server_ask_once. */
enum ctl_exit session_ask(const struct ctl_arguments *arguments, const struct conf *conf,
                          Lodge__Lsm__Request__MethodCase method, Lodge__Lsm__Answer__ResultCase want,
                          Lodge__Lsm__Answer **answer_r);
/* The session whose client it is: that of --from, or the one that this program runs in. Returns false, having
 * said why, where there is none. */
bool session_take_from(const struct ctl_arguments *arguments, uint32_t *from_r);
/* The user's session that is active, else the first. Returns CTL_DONE, or the exit code, having said why. */
enum ctl_exit session_of_user(struct server *server, const char *user, uint16_t *id_r);
