#include "broker/users.h"

#include <stdint.h>
#include <stdlib.h>

static struct user **bucket_of(struct users *users, uid_t uid)
{
    uint32_t mixed = (uint32_t)uid * 2654435761u;
    return &users->buckets[mixed >> 18];
}

_Static_assert(USERS_BUCKETS == 1u << (32 - 18), "a mixed uid names each bucket");

struct user *users_hold(struct users *users, uid_t uid)
{
    struct user **bucket = bucket_of(users, uid);
    for (struct user *user = *bucket; user != NULL; user = user->next) {
        if (user->uid == uid) {
            user->references++;
            return user;
        }
    }
    struct user *user = calloc(1, sizeof(*user));
    if (user == NULL)
        return NULL;
    user->uid = uid;
    user->references = 1;
    TAILQ_INIT(&user->all);
    TAILQ_INIT(&user->connected);
    TAILQ_INIT(&user->disconnected);
    TAILQ_INIT(&user->watches);
    TAILQ_INIT(&user->held);
    user->next = *bucket;
    *bucket = user;
    return user;
}

void users_release(struct users *users, struct user *user)
{
    if (--user->references > 0)
        return;
    struct user **at = bucket_of(users, user->uid);
    while (*at != user)
        at = &(*at)->next;
    *at = user->next;
    free(user);
}
