/* lodge-logon: one logon of one person, from the password to the end of their session. Root. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/conf-items.h"
#include "common/conf.h"
#include "common/log.h"
#include "common/packet.h"
#include "common/text.h"
#include "logon/address.h"
#include "logon/auth.h"
#include "logon/logon.h"
#include "rpc/credentials.h"
#include "rpc/sm.h"
#include "rpc/subsystems.h"

#define USAGE                                                                              \
    "Usage: lodge-logon [--config FILE] --logon N --credentials-fd FD [--display-fd FD]\n" \
    "                   [--client ADDRESS]\n"                                              \
    "Checks one person's credentials and holds their session. Started by lodge-smss.\n\n"  \
    "  --config FILE         the configuration (" CONF_DEFAULT_FILE ")\n"                  \
    "  --logon N             the number of this logon\n"                                   \
    "  --credentials-fd FD   a pipe with user name and password\n"                         \
    "  --display-fd FD       what is to stay open for as long as the session is there\n"   \
    "  --client ADDRESS      where the client connects from, for PAM and the log\n"        \
    "  --help, --version\n"

struct options {
    const char *config, *client;
    uint64_t logon; /* 0: none given */
    long credentials, display;
};

/* A logon's number is any of 64 bits but 0. Returns 0 for anything else. */
static uint64_t number_read(const char *text)
{
    char *end;
    errno = 0;
    unsigned long long number = text[0] >= '0' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    return number != 0 && errno == 0 && *end == '\0' ? number : 0;
}

/* Returns false with the exit status in *status_r where there is nothing to do. */
static bool options_read(int count, char **words, struct options *options_r, int *status_r)
{
    static const struct option names[] = {
        {"config", required_argument, NULL, 'c'},
        {"logon", required_argument, NULL, 'l'},
        {"credentials-fd", required_argument, NULL, 'f'},
        {"display-fd", required_argument, NULL, 'd'},
        {"client", required_argument, NULL, 'a'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    struct options options = {.config = CONF_DEFAULT_FILE, .client = "", .credentials = -1, .display = -1};
    bool ok = true;
    int option;
    *status_r = 0;
    while (ok && (option = getopt_long(count, words, "", names, NULL)) != -1) {
        if (option == 'h' || option == 'v') {
            fputs(option == 'h' ? USAGE : "lodge-logon " LODGE_VERSION "\n", stdout);
            return false;
        }
        if (option == 'c')
            options.config = optarg;
        else if (option == 'a')
            options.client = optarg;
        else if (option == 'l')
            ok = (options.logon = number_read(optarg)) != 0;
        else if (option == 'd')
            ok = text_number(optarg, 3, 1023, &options.display);
        else
            ok = option == 'f' && text_number(optarg, 3, 1023, &options.credentials);
    }
    *options_r = options;
    if (ok && optind == count && options.logon != 0 && options.credentials >= 3)
        return true;
    fputs(USAGE, stderr);
    *status_r = 2;
    return false;
}

static int result_send(int smss, uint64_t number, enum reason reason, const struct identity *identity)
{
    struct sm_logon_result result = {.logon = number, .reason = (uint16_t)reason};
    if (reason == REASON_NONE) {
        result.account = (uint8_t)identity->account;
        result.uid = identity->uid;
        text_copy(result.user, sizeof(result.user), identity->name);
    }
    return message_send(smss, &sm_protocol, SM_LOGON_RESULT, &result, -1);
}

/* The password is read, used and wiped here, before the first message is awaited. */
static enum reason authenticate(const struct conf *conf, const struct options *options,
                                struct identity *identity_r, struct pam_logon **pam_r)
{
    struct credentials credentials;
    char host[ADDRESS_HOST_ROOM];
    int pipe = (int)options->credentials;
    /* A writer or a module of PAM that hangs does not hold the logon for ever: nothing is open yet that a
     * plain death would leave behind. */
    alarm((unsigned)conf->logon_seconds + 30);
    int failed = credentials_read(pipe, &credentials);
    close(pipe); /* before PAM's modules start programs of their own */
    if (failed) {
        log_error(NULL, "no credentials could be read: %s", strerror(-failed));
        credentials_wipe(&credentials);
        return REASON_INTERNAL;
    }
    if (!address_host(options->client, host, sizeof(host)) && options->client[0] != '\0')
        log_warning(NULL, "the client's address is none, so PAM is not told any");
    enum reason reason = auth_logon(conf, &credentials, host, identity_r, pam_r);
    alarm(0);
    return reason;
}

/* The subsystems of sessions, as the configuration file defines them. */
static bool subsystems_load(const struct conf *conf, const char *path, char *text, size_t size, char *error,
                            size_t error_size)
{
    struct conf_items items;
    if (!conf_load_items(&items, path, error, error_size))
        return false;
    bool ok = subsystems_encode(conf, &items, text, size, error, error_size);
    conf_items_free(&items);
    return ok;
}

static int run(const struct conf *conf, const char *subsystems, const struct options *options)
{
    struct identity identity = {.uid = (uid_t)-1};
    struct pam_logon *pam = NULL;
    uint64_t number = (uint64_t)options->logon;
    int smss = logon_connect(conf, number);
    if (smss < 0) {
        log_error(NULL, "smss cannot be reached: %s", strerror(-smss));
        return 1;
    }
    /* The display's abstract name is taken as long as this process lives, also while there is no smss: else
     * any user could listen there and be the X server of this session's programs. Nobody else gets it. */
    if (options->display >= 0)
        fcntl((int)options->display, F_SETFD, FD_CLOEXEC);
    enum reason reason = authenticate(conf, options, &identity, &pam);
    int failed = result_send(smss, number, reason, &identity);
    if (failed == 0 && reason == REASON_NONE)
        return logon_serve(conf, subsystems, number, &identity, &pam, smss);
    if (failed)
        log_error(NULL, "smss cannot be told: %s", strerror(-failed));
    pam_logon_end(&pam);
    close_descriptor(&smss);
    return failed ? 1 : 0;
}

int main(int count, char **words)
{
    struct options options;
    struct conf conf;
    char error[512], subsystems[SM_SUBSYSTEMS_ROOM];
    int status;
    if (!options_read(count, words, &options, &status))
        return status;
    log_start("lodge-logon", LOG_LEVEL_INFO);
    /* The session must not possess the keys of whoever started the server; PAM may put another keyring here.
     */
    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
    prctl(PR_SET_DUMPABLE, 0); /* no core file with a password in it, and nobody to look inside */
    if (!conf_load(&conf, options.config, error, sizeof(error)) ||
        !subsystems_load(&conf, options.config, subsystems, sizeof(subsystems), error, sizeof(error))) {
        log_error(NULL, "%s", error);
        return 1;
    }
    log_start("lodge-logon", (enum log_level)conf.log_level);
    return run(&conf, subsystems, &options);
}
