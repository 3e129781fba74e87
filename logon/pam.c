#include "logon/pam.h"

#include <security/pam_appl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"
#include "logon/shadow-entry.h"

struct pam_logon {
    pam_handle_t *handle;
    const char *password; /* while it is being checked, else NULL */
    int last;
    bool credentials, session;
};

struct pam_reason {
    int code;
    enum reason reason;
};

/* What pam_authenticate's answers mean; anything else is a fault of the machine. */
static const struct pam_reason authenticate_reasons[] = {
    {PAM_AUTH_ERR, REASON_CREDENTIALS},          {PAM_USER_UNKNOWN, REASON_CREDENTIALS},
    {PAM_CRED_INSUFFICIENT, REASON_CREDENTIALS}, {PAM_AUTHINFO_UNAVAIL, REASON_CREDENTIALS},
    {PAM_MAXTRIES, REASON_CREDENTIALS},          {PAM_CONV_ERR, REASON_CREDENTIALS},
    {PAM_PERM_DENIED, REASON_CREDENTIALS}, /* not DENIED: the password may have been wrong */
    {PAM_ACCT_EXPIRED, REASON_CREDENTIALS},
};

/* What pam_acct_mgmt's answers mean; the password was right by then. Anything else: may not log on. */
static const struct pam_reason account_reasons[] = {
    {PAM_ACCT_EXPIRED, REASON_EXPIRED},
    {PAM_NEW_AUTHTOK_REQD, REASON_PASSWORD_EXPIRED},
    {PAM_AUTHTOK_EXPIRED, REASON_PASSWORD_EXPIRED},
    {PAM_USER_UNKNOWN, REASON_CREDENTIALS},
};

static enum reason reason_of(const struct pam_reason *table, size_t count, int code, enum reason otherwise)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].code == code)
            return table[i].reason;
    return otherwise;
}

bool pam_logon_available(void)
{
    static const char *const places[] = {"/etc/pam.d/" PAM_LOGON_SERVICE,
                                         "/usr/lib/pam.d/" PAM_LOGON_SERVICE};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (access(places[i], R_OK) == 0)
            return true;
    return false;
}

static void answers_free(struct pam_response *answers, int count)
{
    for (int i = 0; i < count; i++) {
        if (answers[i].resp != NULL)
            explicit_bzero(answers[i].resp, strlen(answers[i].resp));
        free(answers[i].resp);
    }
    free(answers);
}

/* Answers questions for a password, while there is one; takes note of messages; gives up on the rest. */
static int converse(int count, const struct pam_message **messages, struct pam_response **answers_r,
                    void *context)
{
    const struct pam_logon *pam = context;
    if (count <= 0 || count > PAM_MAX_NUM_MSG)
        return PAM_CONV_ERR;
    struct pam_response *answers = calloc((size_t)count, sizeof(answers[0]));
    if (answers == NULL)
        return PAM_BUF_ERR;
    int failed = PAM_SUCCESS;
    for (int i = 0; i < count && failed == PAM_SUCCESS; i++) {
        int style = messages[i]->msg_style;
        if (style == PAM_PROMPT_ECHO_OFF && pam->password != NULL) {
            answers[i].resp = strdup(pam->password);
            failed = answers[i].resp != NULL ? PAM_SUCCESS : PAM_BUF_ERR;
        } else if (style == PAM_TEXT_INFO || style == PAM_ERROR_MSG) {
            log_info("pam", "%s", messages[i]->msg);
        } else {
            failed = PAM_CONV_ERR;
        }
    }
    if (failed == PAM_SUCCESS)
        *answers_r = answers;
    else
        answers_free(answers, count);
    return failed;
}

static int handle_start(struct pam_logon *pam, const char *user, const char *host)
{
    struct pam_conv conversation = {.conv = converse, .appdata_ptr = pam};
    int code = pam_start(PAM_LOGON_SERVICE, user, &conversation, &pam->handle);
    if (code != PAM_SUCCESS || pam->handle == NULL) {
        pam->handle = NULL;
        return code != PAM_SUCCESS ? code : PAM_SYSTEM_ERR;
    }
    /* Not a terminal, but modules such as pam_access and pam_time want a name for where one comes from. */
    code = pam_set_item(pam->handle, PAM_TTY, "lodge");
    return code == PAM_SUCCESS && host[0] != '\0' ? pam_set_item(pam->handle, PAM_RHOST, host) : code;
}

static enum reason check(struct pam_logon *pam, const char *user, const char *password,
                         struct failure *failure_r)
{
    pam->last = pam_authenticate(pam->handle, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    if (pam->last != PAM_SUCCESS) {
        failure_set(failure_r, 0, "PAM: %s", pam_strerror(pam->handle, pam->last));
        if (pam->last == PAM_AUTH_ERR && shadow_is_locked(user, password))
            return REASON_LOCKED;
        return reason_of(authenticate_reasons, sizeof(authenticate_reasons) / sizeof(authenticate_reasons[0]),
                         pam->last, REASON_INTERNAL);
    }
    pam->last = pam_acct_mgmt(pam->handle, PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK);
    if (pam->last == PAM_SUCCESS)
        return REASON_NONE;
    failure_set(failure_r, 0, "PAM: %s", pam_strerror(pam->handle, pam->last));
    enum reason reason = reason_of(account_reasons, sizeof(account_reasons) / sizeof(account_reasons[0]),
                                   pam->last, REASON_DENIED);
    /* Debian's common-account turns every failure of pam_unix into that of pam_deny. */
    enum reason expired = reason == REASON_DENIED ? shadow_expiry(user, clock_real_ms()) : REASON_NONE;
    return expired != REASON_NONE ? expired : reason;
}

enum reason pam_logon_authenticate(const char *user, const char *password, const char *host,
                                   struct pam_logon **pam_r, char *user_r, size_t size,
                                   struct failure *failure_r)
{
    const void *name = NULL;
    struct pam_logon *pam = calloc(1, sizeof(*pam));
    if (pam == NULL) {
        failure_set(failure_r, 0, "out of memory");
        return REASON_INTERNAL;
    }
    enum reason reason = REASON_INTERNAL;
    pam->password = password;
    pam->last = handle_start(pam, user, host);
    if (pam->last != PAM_SUCCESS)
        failure_set(failure_r, 0, "PAM cannot be started (error %d)", pam->last);
    else
        reason = check(pam, user, password, failure_r);
    pam->password = NULL;
    if (reason == REASON_NONE && (pam_get_item(pam->handle, PAM_USER, &name) != PAM_SUCCESS || name == NULL ||
                                  !text_is_printable(name) || !text_copy(user_r, size, name))) {
        failure_set(failure_r, 0, "PAM made a name of \"%s\" that cannot be used", user);
        reason = REASON_INTERNAL;
    }
    if (reason == REASON_NONE)
        *pam_r = pam;
    else
        pam_logon_end(&pam);
    return reason;
}

bool pam_logon_open(struct pam_logon *pam, struct failure *failure_r)
{
    static const char *const variables[] = {"XDG_SESSION_TYPE=x11", "XDG_SESSION_CLASS=user"};
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        pam_putenv(pam->handle, variables[i]);
    pam->last = pam_setcred(pam->handle, PAM_ESTABLISH_CRED | PAM_SILENT);
    if (pam->last != PAM_SUCCESS)
        return failure_set(failure_r, 0, "PAM gives no credentials: %s",
                           pam_strerror(pam->handle, pam->last));
    pam->credentials = true;
    pam->last = pam_open_session(pam->handle, PAM_SILENT);
    if (pam->last == PAM_SUCCESS) {
        pam->session = true;
        return true;
    }
    failure_set(failure_r, 0, "PAM opens no session: %s", pam_strerror(pam->handle, pam->last));
    pam_setcred(pam->handle, PAM_DELETE_CRED | PAM_SILENT);
    pam->credentials = false;
    return false;
}

char **pam_logon_environment(struct pam_logon *pam)
{
    return pam_getenvlist(pam->handle);
}

void pam_logon_environment_free(char **environment)
{
    for (char **at = environment; at != NULL && *at != NULL; at++)
        free(*at);
    free(environment);
}

void pam_logon_end(struct pam_logon **pam)
{
    if (*pam == NULL)
        return;
    pam_handle_t *handle = (*pam)->handle;
    if (handle != NULL) {
        /* pam_systemd would tell logind the end of that session, which logind believes nobody outside of its
         * scope. The end of this process tells it too. */
        if (pam_getenv(handle, "XDG_SESSION_ID") != NULL)
            pam_putenv(handle, "XDG_SESSION_ID");
        if ((*pam)->session)
            (*pam)->last = pam_close_session(handle, PAM_SILENT);
        if ((*pam)->credentials)
            pam_setcred(handle, PAM_DELETE_CRED | PAM_SILENT);
        pam_end(handle, (*pam)->last);
    }
    free(*pam);
    *pam = NULL;
}
