#include "logon/shadow-entry.h"

#include <crypt.h>
#include <shadow.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS 86400000

bool shadow_is_locked(const char *user, const char *password)
{
    const struct spwd *entry = getspnam(user);
    if (entry == NULL || entry->sp_pwdp == NULL || entry->sp_pwdp[0] != '!' || password[0] == '\0')
        return false;
    const char *hash = entry->sp_pwdp + strspn(entry->sp_pwdp, "!");
    if (hash[0] != '$' && strlen(hash) < 13)
        return false;
    struct crypt_data *data = calloc(1, sizeof(*data));
    const char *got = data != NULL ? crypt_r(password, hash, data) : NULL;
    bool right = got != NULL && got[0] != '*' && strcmp(got, hash) == 0;
    if (data != NULL)
        explicit_bzero(data, sizeof(*data));
    free(data);
    return right;
}

enum reason shadow_expiry(const char *user, int64_t now_ms)
{
    const struct spwd *entry = getspnam(user);
    int64_t today = now_ms / DAY_MS;
    if (entry == NULL)
        return REASON_NONE;
    if (entry->sp_expire != -1 && today >= entry->sp_expire)
        return REASON_EXPIRED;
    if (entry->sp_lstchg > 0 && entry->sp_max >= 0 && entry->sp_inact >= 0 &&
        today > (int64_t)entry->sp_lstchg + entry->sp_max + entry->sp_inact)
        return REASON_PASSWORD_EXPIRED;
    return REASON_NONE;
}
