#include "logon/auth.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"
#include "logon/name.h"

#define DELAY_US 2000000 /* as pam_unix asks for after a wrong password */

static void log_complaint(void *context, const char *complaint)
{
    (void)context;
    log_warning("lab accounts", "%s", complaint);
}

static bool name_exists(void *context, const char *name)
{
    const struct conf *conf = context;
    struct account account;
    char error[512];
    bool found = false;
    bool known = accounts_find(conf, name, &found, &account, error, sizeof(error)) && found;
    explicit_bzero(account.hash, sizeof(account.hash));
    return known || getpwnam(name) != NULL;
}

/* A wrong password of a lab account takes as long as PAM's do (libpam spreads them around the middle in the
 * same way), so that the time does not tell which names are lab accounts. */
static void delay(void)
{
    uint32_t dice[2] = {0, 0};
    ssize_t got = getrandom(dice, sizeof(dice), 0);
    (void)got;
    long spread = (long)(dice[0] % (DELAY_US / 2)) - (long)(dice[1] % (DELAY_US / 2));
    long microseconds = DELAY_US + spread;
    struct timespec left = {microseconds / 1000000, microseconds % 1000000 * 1000};
    while (nanosleep(&left, &left) != 0)
        continue;
}

/* What came to be on the system since the lab account was made, and would be taken for it inside a session.
 */
static const char *lab_clash(const struct account *account)
{
    if (getpwnam(account->name) != NULL)
        return "the system has an account of the same name now";
    if (getpwuid(account->uid) != NULL)
        return "the system has an account with the same uid now";
    if (getgrnam(account->name) != NULL || getgrgid(account->uid) != NULL)
        return "the system has a group of the same name or number now";
    return NULL;
}

static enum reason lab_identity(const struct account *account, struct identity *identity_r)
{
    const char *clash = lab_clash(account);
    if (clash != NULL) {
        log_error(account->name, "the lab account cannot be used: %s", clash);
        return REASON_DENIED;
    }
    *identity_r = (struct identity){.account = SM_ACCOUNT_LAB, .uid = account->uid, .gid = account->uid};
    identity_r->lab = *account;
    snprintf(identity_r->name, sizeof(identity_r->name), "%s", account->name);
    snprintf(identity_r->home, sizeof(identity_r->home), "/home/%s", account->name);
    snprintf(identity_r->shell, sizeof(identity_r->shell), "%s",
             access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh");
    return REASON_NONE;
}

/* Returns true when the name is a lab account's: *reason_r says the rest. */
static bool lab_logon(const struct conf *conf, const char *name, const char *password, enum reason *reason_r,
                      struct identity *identity_r)
{
    static const enum reason reasons[] = {
        [ACCOUNTS_WRONG] = REASON_CREDENTIALS,
        [ACCOUNTS_LOCKED] = REASON_LOCKED,
        [ACCOUNTS_EXPIRED] = REASON_EXPIRED,
    };
    struct account account;
    bool found = false;
    char error[512];
    if (!accounts_find(conf, name, &found, &account, error, sizeof(error))) {
        log_error("lab accounts", "%s", error);
        return false;
    }
    if (!found)
        return false;
    enum accounts_verdict verdict =
        accounts_verify(conf, name, password, &account, log_complaint, NULL, error, sizeof(error));
    explicit_bzero(account.hash, sizeof(account.hash));
    if (verdict == ACCOUNTS_FAILED || verdict == ACCOUNTS_UNKNOWN) { /* the file has just changed */
        *reason_r = REASON_INTERNAL;
        return true;
    }
    if (verdict == ACCOUNTS_WRONG)
        delay();
    *reason_r = verdict == ACCOUNTS_RIGHT ? lab_identity(&account, identity_r) : reasons[verdict];
    return true;
}

static enum reason system_identity(const struct conf *conf, const char *name, struct identity *identity_r)
{
    const struct passwd *entry = getpwnam(name);
    if (entry == NULL) {
        log_error(name, "PAM let this user in, but the system has no account of this name");
        return REASON_DENIED;
    }
    if (entry->pw_uid == 0) {
        log_warning(name, "refused: root has no sessions here");
        return REASON_DENIED;
    }
    if (strcmp(entry->pw_name, conf->broker_user) == 0 || strcmp(entry->pw_name, conf->front_user) == 0) {
        log_warning(name, "refused: a session of a service's account would be as good as the service");
        return REASON_DENIED;
    }
    *identity_r = (struct identity){.account = SM_ACCOUNT_SYSTEM, .uid = entry->pw_uid, .gid = entry->pw_gid};
    const char *shell = entry->pw_shell[0] != '\0' ? entry->pw_shell : "/bin/sh";
    if (!text_copy(identity_r->name, sizeof(identity_r->name), entry->pw_name) ||
        !text_copy(identity_r->home, sizeof(identity_r->home), entry->pw_dir) ||
        !text_copy(identity_r->shell, sizeof(identity_r->shell), shell)) {
        log_error(name, "the home or the shell of this account has too long a path");
        return REASON_DENIED;
    }
    return REASON_NONE;
}

static enum reason system_logon(const struct conf *conf, const char *name, const char *password,
                                const char *host, struct identity *identity_r, struct pam_logon **pam_r)
{
    char canonical[SM_USER_ROOM];
    struct failure failure = {.text = ""};
    if (!pam_logon_available()) {
        log_error("pam",
                  "there is no PAM service \"%s\", so no system account can log on: install Lodge's "
                  "packaging/pam/lodge as /etc/pam.d/lodge",
                  PAM_LOGON_SERVICE);
        return REASON_INTERNAL;
    }
    struct pam_logon *pam = NULL;
    enum reason reason =
        pam_logon_authenticate(name, password, host, &pam, canonical, sizeof(canonical), &failure);
    if (reason == REASON_NONE)
        reason = system_identity(conf, canonical, identity_r);
    else
        log_info("pam", "%s", failure.text);
    if (reason == REASON_NONE)
        *pam_r = pam;
    else
        pam_logon_end(&pam);
    return reason;
}

enum reason auth_logon(const struct conf *conf, struct credentials *credentials, const char *host,
                       struct identity *identity_r, struct pam_logon **pam_r)
{
    char name[SM_USER_ROOM];
    enum reason reason = REASON_NAME;
    *pam_r = NULL;
    if (name_reduce(credentials->user, name_exists, (void *)(uintptr_t)conf, name, sizeof(name)) &&
        !lab_logon(conf, name, credentials->password, &reason, identity_r))
        reason = system_logon(conf, name, credentials->password, host, identity_r, pam_r);
    credentials_wipe(credentials);
    if (reason == REASON_NONE)
        log_info(identity_r->name, "authenticated, uid %u%s%s%s", identity_r->uid,
                 identity_r->account == SM_ACCOUNT_LAB ? ", a lab account" : "",
                 host[0] != '\0' ? ", from " : "", host);
    else
        log_info(name[0] != '\0' ? name : "(no name)", "refused: %s%s%s", reason_name(reason),
                 host[0] != '\0' ? ", from " : "", host);
    return reason;
}
