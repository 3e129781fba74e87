#include "logon/environment.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/conf-items.h"
#include "common/text.h"

#define PATH_DEFAULT "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
#define LOCALE_FILE  "/etc/default/locale"

const char *environment_get(char *const *environment, const char *name)
{
    size_t length = strlen(name);
    for (char *const *at = environment; at != NULL && *at != NULL; at++)
        if (strncmp(*at, name, length) == 0 && (*at)[length] == '=')
            return *at + length + 1;
    return NULL;
}

void environment_free(char **environment)
{
    pam_logon_environment_free(environment);
}

bool environment_locale(const char *text, const char *name, char *value_r, size_t size)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.@:-";
    size_t length = strlen(name);
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncmp(line, name, length) != 0 || line[length] != '=')
            continue;
        const char *value = line + length + 1;
        value += *value == '"' || *value == '\'';
        size_t count = strspn(value, safe);
        char end = value[count];
        if (count == 0 || count >= size || (end != '\0' && end != '\n' && end != '"' && end != '\''))
            return false;
        memcpy(value_r, value, count);
        value_r[count] = '\0';
        return true;
    }
    return false;
}

/* Adds one string, or frees all and returns NULL. */
static char **add(char **environment, const char *text)
{
    size_t count = 0;
    while (environment != NULL && environment[count] != NULL)
        count++;
    char **more = realloc(environment, (count + 2) * sizeof(more[0]));
    if (more == NULL) {
        environment_free(environment);
        return NULL;
    }
    more[count] = strdup(text);
    more[count + 1] = NULL;
    if (more[count] == NULL) {
        environment_free(more);
        return NULL;
    }
    return more;
}

/* Replaces the variable, or adds it. */
static char **set(char **environment, const char *name, const char *value)
{
    char text[CONF_TEXT_MAX + 64];
    size_t length = strlen(name);
    snprintf(text, sizeof(text), "%s=%s", name, value);
    for (char **at = environment; at != NULL && *at != NULL; at++)
        if (strncmp(*at, name, length) == 0 && (*at)[length] == '=') {
            char *copy = strdup(text);
            if (copy == NULL) {
                environment_free(environment);
                return NULL;
            }
            free(*at);
            *at = copy;
            return environment;
        }
    return add(environment, text);
}

/* The locale that PAM would have set, for those whom PAM does not know. */
static char **add_locale(char **environment)
{
    static const char *const names[] = {"LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE"};
    char text[4096], value[128];
    int fd = open(LOCALE_FILE, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = '\0';
    for (size_t i = 0; environment != NULL && i < sizeof(names) / sizeof(names[0]); i++)
        if (environment_locale(text, names[i], value, sizeof(value)))
            environment = set(environment, names[i], value);
    return environment;
}

/* Frees and takes out the variables that begin so. */
static void drop(char **environment, const char *const *beginnings, size_t count)
{
    char **kept = environment;
    for (char **at = environment; *at != NULL; at++) {
        bool found = false;
        for (size_t i = 0; i < count; i++)
            found |= strncmp(*at, beginnings[i], strlen(beginnings[i])) == 0;
        if (found)
            free(*at);
        else
            *kept++ = *at;
    }
    *kept = NULL;
}

/* lodge-init starts as root: what makes the C library load or trust other files does not come along, for a
 * user may have set it (pam_env with user_readenv). The list is that of programs with more rights than their
 * caller (ld.so(8), secure-execution mode). */
void environment_drop_unsafe(char **environment)
{
    static const char *const unsafe[] = {
        "LD_",          "GLIBC_",   "MALLOC_",  "GCONV_PATH=",  "GETCONF_DIR=",
        "HOSTALIASES=", "LOCPATH=", "NLSPATH=", "LOCALDOMAIN=", "RESOLV_",
        "RES_OPTIONS=", "TMPDIR=",  "TZDIR=",   "BASH_ENV=",    "ENV="};
    drop(environment, unsafe, sizeof(unsafe) / sizeof(unsafe[0]));
}

char **environment_own_runtime(char **environment, uid_t uid)
{
    static const char *const shared[] = {"DBUS_SESSION_BUS_ADDRESS="};
    char runtime[64];
    drop(environment, shared, sizeof(shared) / sizeof(shared[0]));
    snprintf(runtime, sizeof(runtime), "/run/user/%u", uid);
    return set(environment, "XDG_RUNTIME_DIR", runtime);
}

/* Those of [Environment] that nothing has set, by the names that lodge-smss gives; it has refused what would
 * be dangerous. */
static char **add_system(char **environment)
{
    char names[8192], *at = names, *name;
    const char *given = getenv(CONF_VARIABLES);
    if (given == NULL || !text_copy(names, sizeof(names), given))
        return environment;
    while (environment != NULL && (name = strsep(&at, " ")) != NULL) {
        const char *value = getenv(name);
        char *text = NULL;
        if (name[0] == '\0' || value == NULL || environment_get(environment, name) != NULL)
            continue;
        if (asprintf(&text, "%s=%s", name, value) < 0) {
            environment_free(environment);
            return NULL;
        }
        environment = add(environment, text);
        free(text);
    }
    return environment;
}

char **environment_make(struct pam_logon *pam, const struct identity *identity)
{
    char **environment = pam != NULL ? pam_logon_environment(pam) : calloc(1, sizeof(environment[0]));
    if (environment != NULL)
        environment_drop_unsafe(environment);
    if (environment != NULL && pam == NULL)
        environment = add_locale(environment);
    environment = add_system(environment);
    if (environment != NULL && environment_get(environment, "PATH") == NULL)
        environment = add(environment, PATH_DEFAULT);
    return environment != NULL ? environment_own_runtime(environment, identity->uid) : NULL;
}
