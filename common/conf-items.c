#include "common/conf-items.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/text.h"

#define VALUE_ROOM 4096 /* of a variable with all that it expands to */

static const char *const sections[] = {
#define SECTION_NAME(symbol, section) [CONF_FREE_##symbol] = section,
    CONF_FREE_SECTIONS(SECTION_NAME)
#undef SECTION_NAME
};

/* What makes the C library or the shell load, run or trust other things than they would: not even a
 * configuration file that somebody copied together may hand that to processes of root's. One with _ at its
 * end stands for all that begin so. */
static const char *const dangerous[] = {
    "LD_",           "GLIBC_",          "MALLOC_",     "RESOLV_",     "GCONV_PATH", "GETCONF_DIR",
    "HOSTALIASES",   "LOCPATH",         "LOCALDOMAIN", "RES_OPTIONS", "NLSPATH",    "NIS_PATH",
    "TMPDIR",        "TZDIR",           "BASH_ENV",    "ENV",         "IFS",        "SHELLOPTS",
    "OPENSSL_CONF",  "OPENSSL_MODULES", "PS4",         "PERL5LIB",    "PYTHONPATH", "PYTHONHOME",
    "PYTHONSTARTUP", "OPENSSL_ENGINES"};
/* What a session gets from the account and the session itself. */
static const char *const lodges_own[] = {"HOME",        "USER",       "LOGNAME",         "SHELL",
                                         "DISPLAY",     "XAUTHORITY", "XDG_RUNTIME_DIR", "LODGE_DEVICES",
                                         CONF_VARIABLES};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int conf_free_find(const char *section)
{
    for (int i = 0; i < CONF_FREE_COUNT; i++) {
        if (strcasecmp(sections[i], section) == 0)
            return i;
    }
    return -1;
}

static bool is_name(const char *name, const char *more)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    size_t length = strlen(name);
    if (length == 0 || length > CONF_ITEM_NAME_MAX || (name[0] >= '0' && name[0] <= '9'))
        return false;
    for (; *name != '\0'; name++) {
        if (strchr(letters, *name) == NULL && strchr(more, *name) == NULL)
            return false;
    }
    return true;
}

static bool is_dangerous(const char *name)
{
    for (size_t i = 0; i < COUNT(dangerous); i++) {
        size_t length = strlen(dangerous[i]);
        bool prefix = dangerous[i][length - 1] == '_';
        if (prefix ? strncmp(name, dangerous[i], length) == 0 : strcmp(name, dangerous[i]) == 0)
            return true;
    }
    return false;
}

static bool check_variable(const char *name, char *error, size_t size)
{
    if (is_dangerous(name)) {
        snprintf(error, size,
                 "%s is refused: it would have programs of root's load, run or trust what they should not",
                 name);
        return false;
    }
    for (size_t i = 0; i < COUNT(lodges_own); i++) {
        if (strcmp(name, lodges_own[i]) == 0) {
            snprintf(error, size, "%s is Lodge's to set, for each session", name);
            return false;
        }
    }
    return true;
}

/* A path, or the name of another device. */
static bool check_device(const char *name, const char *value, char *error, size_t size)
{
    if (value[0] == '/' || is_name(value, "-"))
        return true;
    snprintf(error, size, "%s is \"%s\", but must be a path that starts with / or the name of a device", name,
             value);
    return false;
}

static const struct {
    const char *key;
    uint16_t offset;
    int16_t minimum, maximum; /* both 0: text; 0 and 1: no or yes; 1 and 0: session0 or session */
    bool session_0;           /* not for When = session */
} subsystem_keys[] = {
    {"Command", offsetof(struct conf_subsystem, command), 0, 0, false},
    {"User", offsetof(struct conf_subsystem, user), 0, 0, true},
    {"Order", offsetof(struct conf_subsystem, order), 0, 1000, false},
    {"Restarts", offsetof(struct conf_subsystem, restarts), 0, 100, false},
    {"Critical", offsetof(struct conf_subsystem, critical), 0, 1, true},
    {"Ready", offsetof(struct conf_subsystem, ready), 0, 1, false},
    {"When", offsetof(struct conf_subsystem, in_sessions), 1, 0, false},
};

/* The place of the key behind the dot, COUNT(subsystem_keys): there is no such key. */
static size_t find_subsystem_key(const char *name)
{
    const char *dot = strchr(name, '.');
    size_t i = 0;
    while (i < COUNT(subsystem_keys) && (dot == NULL || strcasecmp(subsystem_keys[i].key, dot + 1) != 0))
        i++;
    return i;
}

static bool is_text(size_t key)
{
    return subsystem_keys[key].minimum == 0 && subsystem_keys[key].maximum == 0;
}

static bool is_when(size_t key)
{
    return subsystem_keys[key].minimum == 1;
}

static bool is_switch(size_t key)
{
    return subsystem_keys[key].minimum == 0 && subsystem_keys[key].maximum == 1;
}

static bool read_number(size_t key, const char *value, long *number_r)
{
    if (is_when(key)) {
        *number_r = strcasecmp(value, "session") == 0;
        return *number_r != 0 || strcasecmp(value, "session0") == 0;
    }
    if (is_switch(key) && (strcasecmp(value, "yes") == 0 || strcasecmp(value, "no") == 0))
        value = strcasecmp(value, "yes") == 0 ? "1" : "0";
    return text_number(value, subsystem_keys[key].minimum, subsystem_keys[key].maximum, number_r);
}

static bool check_subsystem(const char *name, const char *value, char *error, size_t size)
{
    size_t key = find_subsystem_key(name);
    const char *word = strchr(name, '.') + 1;
    long number;
    if (key == COUNT(subsystem_keys)) {
        snprintf(error, size, "there is no key \"%s\" in a section [SubSystem]", word);
        return false;
    }
    if (is_text(key) ? value[0] != '\0' : read_number(key, value, &number))
        return true;
    if (is_text(key))
        snprintf(error, size, "%s is empty", word);
    else if (is_when(key))
        snprintf(error, size, "%s is \"%s\", but must be session0 or session", word, value);
    else
        snprintf(error, size, "%s is \"%s\", but must be a number from %d to %d", word, value,
                 subsystem_keys[key].minimum, subsystem_keys[key].maximum);
    return false;
}

bool conf_subsystem_find(const struct conf_items *items, const char *name, struct conf_subsystem *subsystem_r)
{
    struct conf_subsystem subsystem = {.order = 100, .restarts = 5};
    size_t length = strlen(name);
    for (size_t i = 0; i < items->count; i++) {
        const struct conf_item *item = &items->items[i];
        if (item->section != CONF_FREE_SUBSYSTEM || strncasecmp(item->name, name, length) != 0 ||
            item->name[length] != '.')
            continue;
        size_t key = find_subsystem_key(item->name);
        char *field = (char *)&subsystem + subsystem_keys[key].offset;
        long number = 0;
        if (is_text(key))
            *(const char **)field = item->value;
        else if (!read_number(key, item->value, &number))
            return false;
        else if (is_switch(key) || is_when(key))
            *(bool *)field = number != 0;
        else
            *(long *)field = number;
    }
    if (subsystem.command == NULL)
        return false;
    *subsystem_r = subsystem;
    return true;
}

/* The value of a key of the same section as `name`, which is NAME.Key; NULL: there is none so far. */
static const char *sibling(const struct conf_items *items, const char *name, const char *key)
{
    size_t length = (size_t)(strchr(name, '.') - name) + 1;
    for (size_t i = 0; i < items->count; i++) {
        const struct conf_item *item = &items->items[i];
        if (item->section == CONF_FREE_SUBSYSTEM && strncasecmp(item->name, name, length) == 0 &&
            strcasecmp(item->name + length, key) == 0)
            return item->value;
    }
    return NULL;
}

/* What runs in a session runs as its user, and ends no more than the session. */
static bool check_when(const struct conf_items *items, const char *name, const char *value, char *error,
                       size_t size)
{
    size_t key = find_subsystem_key(name);
    for (size_t i = 0; i < COUNT(subsystem_keys); i++) {
        if (!subsystem_keys[i].session_0 || (!is_when(key) && i != key))
            continue;
        const char *other = sibling(items, name, is_when(key) ? subsystem_keys[i].key : "When");
        if (other == NULL || strcasecmp(is_when(key) ? value : other, "session") != 0)
            continue;
        snprintf(error, size, "%s is not for When = session", subsystem_keys[i].key);
        return false;
    }
    return true;
}

/* Each session is sent a line for each that runs in it: `NAME required RESTARTS ready COMMAND`. */
static bool check_room(const struct conf_items *items, char *error, size_t size)
{
    size_t total = 1;
    for (size_t i = 0; i < items->count; i++) {
        const struct conf_item *item = &items->items[i];
        if (item->section != CONF_FREE_SUBSYSTEM || !is_when(find_subsystem_key(item->name)) ||
            strcasecmp(item->value, "session") != 0)
            continue;
        const char *command = sibling(items, item->name, "Command");
        if (command != NULL)
            total += strcspn(item->name, ".") + strlen(command) + sizeof(" required 100 ready \n") - 1;
    }
    if (total <= CONF_SUBSYSTEMS_ROOM)
        return true;
    snprintf(error, size, "with this line the subsystems with When = session take %zu bytes, more than %d",
             total, CONF_SUBSYSTEMS_ROOM);
    return false;
}

static bool check(enum conf_free section, const char *name, const char *value, char *error, size_t size)
{
    if (!is_name(name, section == CONF_FREE_ENVIRONMENT ? "" : section == CONF_FREE_SUBSYSTEM ? "-." : "-")) {
        snprintf(error, size, "\"%s\" is no name: 1 to %d letters, digits and _, the first no digit", name,
                 CONF_ITEM_NAME_MAX);
        return false;
    }
    if (!text_is_printable(value)) {
        snprintf(error, size, "%s is \"%s\", but must be printable text", name, value);
        return false;
    }
    if (section == CONF_FREE_ENVIRONMENT)
        return check_variable(name, error, size);
    if (section == CONF_FREE_DEVICES)
        return check_device(name, value, error, size);
    if (section == CONF_FREE_SUBSYSTEM)
        return check_subsystem(name, value, error, size);
    if (value[0] != '\0')
        return true;
    snprintf(error, size, "%s is empty, but must be a command", name);
    return false;
}

/* Variables differ by case, as they do on Linux; other names do not, as they do not on Windows. */
static bool same_name(enum conf_free section, const char *a, const char *b)
{
    return (section == CONF_FREE_ENVIRONMENT ? strcmp(a, b) : strcasecmp(a, b)) == 0;
}

static bool is_new(const struct conf_items *items, enum conf_free section, const char *name, char *error,
                   size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < items->count; i++) {
        if (items->items[i].section != section)
            continue;
        count++;
        if (same_name(section, items->items[i].name, name)) {
            snprintf(error, size, "%s is set again; line %u set it first", name, items->items[i].line);
            return false;
        }
    }
    if (count < CONF_ITEMS_MAX)
        return true;
    snprintf(error, size, "[%s] has more than %d lines", sections[section], CONF_ITEMS_MAX);
    return false;
}

bool conf_items_add(struct conf_items *items, enum conf_free section, unsigned line, const char *name,
                    const char *value, char *error, size_t error_size)
{
    if (!check(section, name, value, error, error_size) || !is_new(items, section, name, error, error_size) ||
        (section == CONF_FREE_SUBSYSTEM && !check_when(items, name, value, error, error_size)))
        return false;
    size_t name_size = strlen(name) + 1, value_size = strlen(value) + 1;
    char *text = malloc(name_size + value_size);
    struct conf_item *more = realloc(items->items, (items->count + 1) * sizeof(more[0]));
    if (more != NULL)
        items->items = more;
    if (more == NULL || text == NULL) {
        free(text);
        snprintf(error, error_size, "out of memory");
        return false;
    }
    memcpy(text, name, name_size);
    memcpy(text + name_size, value, value_size);
    more[items->count++] =
        (struct conf_item){.section = section, .line = line, .name = text, .value = text + name_size};
    return section != CONF_FREE_SUBSYSTEM || check_room(items, error, error_size);
}

void conf_items_free(struct conf_items *items)
{
    for (size_t i = 0; i < items->count; i++)
        free((char *)items->items[i].name);
    free(items->items);
    *items = (struct conf_items){0};
}

/* The value of the variable whose name has `length` bytes, "" for none. */
static const char *value_of(char *const *environment, const char *name, size_t length)
{
    for (; environment != NULL && *environment != NULL; environment++) {
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return *environment + length + 1;
    }
    return NULL;
}

/* A % with no second one in the value stands for itself. */
static void expand(char *to, size_t size, const char *from, char *const *earlier, char *const *environment)
{
    size_t used = strlen(to);
    while (*from != '\0' && used + 1 < size) {
        const char *end = *from == '%' ? strchr(from + 1, '%') : NULL;
        if (end == NULL || end == from + 1) {
            to[used++] = *from;
            from += end != NULL ? 2 : 1;
            continue;
        }
        size_t length = (size_t)(end - from) - 1;
        const char *value = value_of(earlier, from + 1, length);
        if (value == NULL)
            value = value_of(environment, from + 1, length);
        for (; value != NULL && *value != '\0' && used + 1 < size; value++)
            to[used++] = *value;
        from = end + 1;
    }
    to[used] = '\0';
}

static size_t count_of(char *const *environment)
{
    size_t count = 0;
    while (environment != NULL && environment[count] != NULL)
        count++;
    return count;
}

char **conf_environment(const struct conf_items *items, char *const *environment)
{
    size_t count = 0;
    char text[VALUE_ROOM];
    char **result = calloc(items->count + 1, sizeof(result[0]));
    for (size_t i = 0; result != NULL && i < items->count; i++) {
        if (items->items[i].section != CONF_FREE_ENVIRONMENT)
            continue;
        snprintf(text, sizeof(text), "%s=", items->items[i].name);
        expand(text, sizeof(text), items->items[i].value, result, environment);
        result[count] = strdup(text);
        if (result[count++] == NULL) {
            conf_environment_free(result);
            return NULL;
        }
    }
    return result;
}

/* Adds a copy, or frees everything and returns false. */
static bool append(char ***result, size_t *count, const char *text)
{
    (*result)[*count] = strdup(text);
    if ((*result)[(*count)++] != NULL)
        return true;
    conf_environment_free(*result);
    *result = NULL;
    return false;
}

char **conf_environment_merge(char *const *base, char *const *over)
{
    size_t count = 0;
    char **result = calloc(count_of(base) + count_of(over) + 1, sizeof(result[0]));
    if (result == NULL)
        return NULL;
    for (; base != NULL && *base != NULL; base++) {
        if (value_of(over, *base, strcspn(*base, "=")) == NULL && !append(&result, &count, *base))
            return NULL;
    }
    for (; over != NULL && *over != NULL; over++) {
        if (!append(&result, &count, *over))
            return NULL;
    }
    return result;
}

char **conf_environment_full(const struct conf_items *items, char *const *base, unsigned *count_r)
{
    char names[sizeof(CONF_VARIABLES "=") + CONF_ITEMS_MAX * (CONF_ITEM_NAME_MAX + 1)];
    char *const extra[] = {names, NULL};
    size_t used = (size_t)snprintf(names, sizeof(names), CONF_VARIABLES "=");
    char **variables = conf_environment(items, base), **all = NULL, **result = NULL;
    *count_r = 0;
    for (char **at = variables; at != NULL && *at != NULL; at++, ++*count_r)
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%.*s", *count_r > 0 ? " " : "",
                                 (int)strcspn(*at, "="), *at);
    if (variables != NULL)
        all = conf_environment_merge(base, variables);
    if (all != NULL)
        result = conf_environment_merge(all, extra);
    conf_environment_free(variables);
    conf_environment_free(all);
    return result;
}

void conf_environment_free(char **environment)
{
    for (char **at = environment; at != NULL && *at != NULL; at++)
        free(*at);
    free(environment);
}
