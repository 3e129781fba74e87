#include "common/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/conf-items.h"
#include "common/hours.h"
#include "common/text.h"

#define CONF_FILE_MAX 65536
#define CONF_LINE_MAX 1023

const struct conf_key conf_keys[] = {
#define CONF_ROW(section, key, type, field, minimum, maximum, initial, reloadable, help) \
    {#section, #key, CONF_##type, offsetof(struct conf, field), minimum, maximum, initial, reloadable},
    CONF_KEYS(CONF_ROW)
#undef CONF_ROW
};
const size_t conf_key_count = sizeof(conf_keys) / sizeof(conf_keys[0]);

static const char *const answers[] = {
    [CONF_IGNORE] = "ignore", [CONF_DEGRADED] = "degraded", [CONF_STOP] = "stop"};

static const size_t group_keys[] = {
#define GROUP_ROW(field) [CONF_GROUP_##field] = offsetof(struct conf, field),
    CONF_GROUP_NUMBERS(GROUP_ROW) CONF_GROUP_TEXTS(GROUP_ROW)
#undef GROUP_ROW
};

struct place {
    const char *name;
    unsigned line;
    char *error;
    size_t error_size;
    struct conf_group *group;        /* of a section [Group NAME] */
    int free_section;                /* of conf-items.h, -1: the section is none */
    char of[CONF_ITEM_NAME_MAX + 1]; /* of a section [SubSystem NAME] */
    struct conf_items *items;
};

__attribute__((format(printf, 2, 3))) static bool refuse(const struct place *place, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    char safe[512];
    snprintf(place->error, place->error_size, "%s:%u: %s", place->name, place->line,
             text_escape(safe, sizeof(safe), text));
    return false;
}

static bool set_answer(enum conf_answer *field, const struct conf_key *key, const char *value,
                       const struct place *place)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        if (strcasecmp(answers[i], value) == 0) {
            *field = (enum conf_answer)i;
            return true;
        }
    }
    return refuse(place, "%s is \"%s\", but must be ignore, degraded or stop", key->key, value);
}

/* No .. in it: a name in place of %u is one part of the path, and the path is what it says. */
static bool is_home(const char *value)
{
    for (const char *at = strchr(value, '%'); at != NULL; at = strchr(at + 1, '%')) {
        if (at[1] != 'u')
            return false;
    }
    return value[0] == '\0' || (value[0] == '/' && strstr(value, "..") == NULL);
}

static bool set(struct conf *conf, const struct conf_key *key, const char *value, const struct place *place)
{
    void *field = (char *)conf + key->offset;
    if (key->type == CONF_ANSWER)
        return set_answer(field, key, value, place);
    if (key->type == CONF_NUMBER) {
        long number;
        bool is_switch = key->minimum == 0 && key->maximum == 1;
        if (is_switch && (strcasecmp(value, "yes") == 0 || strcasecmp(value, "no") == 0))
            value = strcasecmp(value, "yes") == 0 ? "1" : "0";
        if (!text_number(value, key->minimum, key->maximum, &number))
            return refuse(place, "%s is \"%s\", but must be a number from %ld to %ld", key->key, value,
                          key->minimum, key->maximum);
        *(long *)field = number;
        return true;
    }
    size_t length = strlen(value);
    if ((long)length < key->minimum || (long)length > key->maximum || !text_is_printable(value))
        return refuse(place, "%s is \"%s\", but must be text of %ld to %ld printable bytes", key->key, value,
                      key->minimum, key->maximum);
    if (key->type == CONF_PATH && length > 0 && value[0] != '/')
        return refuse(place, "%s is \"%s\", but must be a path that starts with /", key->key, value);
    if (key->type == CONF_HOME && !is_home(value))
        return refuse(place, "%s is \"%s\", but must be a path that starts with /, in which %%u is the name",
                      key->key, value);
    struct hours hours;
    if (key->type == CONF_HOURS && !hours_parse(&hours, value))
        return refuse(place, "%s is \"%s\", but must be " HOURS_FORM, key->key, value);
    return text_copy(field, CONF_TEXT_MAX + 1, value);
}

void conf_defaults(struct conf *conf_r)
{
    char error[512];
    struct place place = {.name = "default", .error = error, .error_size = sizeof(error)};
    *conf_r = (struct conf){0};
    for (size_t i = 0; i < conf_key_count; i++)
        set(conf_r, &conf_keys[i], conf_keys[i].initial, &place);
}

static char *trim(char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r", text[length - 1]) != NULL)
        text[--length] = '\0';
    return text;
}

static const struct conf_key *find(const char *section, const char *key)
{
    for (size_t i = 0; i < conf_key_count; i++) {
        if (strcasecmp(conf_keys[i].section, section) == 0 && strcasecmp(conf_keys[i].key, key) == 0)
            return &conf_keys[i];
    }
    return NULL;
}

/* The names that Windows has for keys of [Sessions], and how its values become Lodge's: divided, then raised.
 * Times are milliseconds there. Those with a divisor of -1 forbid: 1 is the least of Lodge's value, 0 the
 * greatest. */
static const struct {
    const char *name, *key;
    long divisor, more;
} windows_keys[] = {
    {"fSingleSessionPerUser", "SingleSessionPerUser", 1, 0},
    {"fDenyTSConnections", "DenyConnections", 1, 0},
    {"fResetBroken", "BrokenConnection", 1, 1},
    {"MaxIdleTime", "MaxIdleSeconds", 1000, 0},
    {"MaxDisconnectionTime", "MaxDisconnectedSeconds", 1000, 0},
    {"MaxConnectionTime", "MaxConnectedSeconds", 1000, 0},
    {"fDisableClip", "Clipboard", -1, 0},
    {"fDisableCdm", "Drives", -1, 0},
    {"fDisableCam", "AudioPlayback", -1, 0},
    {"fDisableAudioCapture", "AudioCapture", -1, 0},
};

/* Has *name and *value, where the name is one of Windows', be Lodge's; the value is in `text` then. */
static bool translate(const char *section, const char **name, const char **value, char *text, size_t size,
                      const struct place *place)
{
    for (size_t i = 0; i < sizeof(windows_keys) / sizeof(windows_keys[0]); i++) {
        if (strcasecmp(section, "Sessions") != 0 || strcasecmp(*name, windows_keys[i].name) != 0)
            continue;
        const struct conf_key *key = find(section, windows_keys[i].key);
        long number, divisor = windows_keys[i].divisor, more = windows_keys[i].more;
        bool forbids = divisor < 0;
        long least = forbids ? 0 : (key->minimum - more) * divisor;
        long most = forbids ? 1 : (key->maximum - more) * divisor;
        if (!text_number(*value, least, most, &number) || number % divisor != 0)
            return refuse(place,
                          "%s is \"%s\", but must be a number from %ld to %ld%s; Lodge's own key is %s",
                          windows_keys[i].name, *value, least, most,
                          divisor > 1 ? ", milliseconds in whole seconds" : "", key->key);
        long ours = !forbids ? number / divisor + more : number != 0 ? key->minimum : key->maximum;
        snprintf(text, size, "%ld", ours);
        *name = key->key;
        *value = text;
    }
    return true;
}

static bool has_section(const char *section)
{
    for (size_t i = 0; i < conf_key_count; i++) {
        if (strcasecmp(conf_keys[i].section, section) == 0)
            return true;
    }
    return false;
}

static bool take_group(struct conf *conf, const char *name, struct place *place)
{
    size_t length = strlen(name);
    if (length == 0 || length >= sizeof(place->group->name) || !text_is_printable(name))
        return refuse(place, "the name of a group has 1 to %zu bytes", sizeof(place->group->name) - 1);
    for (size_t i = 0; i < conf->group_count; i++) {
        if (strcmp(conf->groups[i].name, name) == 0)
            return refuse(place, "the section [Group %s] is there twice", name);
    }
    if (conf->group_count == CONF_GROUPS_MAX)
        return refuse(place, "there are more than %d sections of groups", CONF_GROUPS_MAX);
    place->group = &conf->groups[conf->group_count++];
    return text_copy(place->group->name, sizeof(place->group->name), name);
}

static bool take_group_line(const char *name, const char *value, const struct place *place)
{
    char text[32];
    if (!translate("Sessions", &name, &value, text, sizeof(text), place))
        return false;
    const struct conf_key *key = find("Sessions", name);
    struct conf_group *group = place->group;
    struct conf conf;
    for (size_t i = 0; key != NULL && i < CONF_GROUP_KEY_COUNT; i++) {
        if (group_keys[i] != key->offset)
            continue;
        if (group->lines[i] != 0)
            return refuse(place, "%s is set again; line %u set it first", key->key, group->lines[i]);
        group->lines[i] = place->line;
        if (!set(&conf, key, value, place))
            return false;
        if (i < CONF_GROUP_NUMBER_COUNT)
            group->numbers[i] = *(const long *)((const char *)&conf + key->offset);
        else
            text_copy(group->texts[i - CONF_GROUP_NUMBER_COUNT], CONF_TEXT_MAX + 1,
                      (const char *)&conf + key->offset);
        return true;
    }
    return refuse(place, "there is no key \"%s\" in a section [Group]", name);
}

static bool take_free_line(const char *name, const char *value, const struct place *place)
{
    char error[CONF_LINE_MAX + 200], full[CONF_LINE_MAX + 1 + sizeof(place->of)];
    if (place->free_section == CONF_FREE_SUBSYSTEM) {
        snprintf(full, sizeof(full), "%s.%s", place->of, name);
        name = full;
    }
    return conf_items_add(place->items, (enum conf_free)place->free_section, place->line, name, value, error,
                          sizeof(error)) ||
           refuse(place, "%s", error);
}

static bool take_subsystem(const char *name, struct place *place)
{
    size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    if (length == 0 || length > CONF_SUBSYSTEM_NAME_MAX || name[length] != '\0')
        return refuse(place, "the name of a subsystem has 1 to %d letters, digits, _ and -",
                      CONF_SUBSYSTEM_NAME_MAX);
    place->free_section = CONF_FREE_SUBSYSTEM;
    return text_copy(place->of, sizeof(place->of), name);
}

static bool take_section(struct conf *conf, char *line, char *section, size_t size, struct place *place)
{
    size_t length = strlen(line);
    if (line[length - 1] != ']')
        return refuse(place, "the section \"%s\" lacks its closing ]", line);
    line[length - 1] = '\0';
    place->group = NULL;
    place->free_section = conf_free_find(line + 1);
    if (place->free_section == CONF_FREE_SUBSYSTEM) /* it needs a name */
        place->free_section = -1;
    if (strncasecmp(line + 1, "SubSystem ", 10) == 0)
        return take_subsystem(trim(line + 11), place);
    if (place->free_section >= 0)
        return true;
    if (strncasecmp(line + 1, "Group ", 6) == 0)
        return take_group(conf, trim(line + 7), place);
    if (!has_section(line + 1) || !text_copy(section, size, line + 1))
        return refuse(place, "there is no section \"%s\"", line + 1);
    return true;
}

static bool take_line(struct conf *conf, char *line, char *section, size_t section_size, unsigned *seen,
                      struct place *place)
{
    if (line[0] == '\0' || line[0] == '#' || line[0] == ';')
        return true;
    if (line[0] == '[')
        return take_section(conf, line, section, section_size, place);
    char *equals = strchr(line, '=');
    if (equals == NULL)
        return refuse(place, "\"%s\" is neither [section] nor key = value", line);
    *equals = '\0';
    const char *name = trim(line), *value = trim(equals + 1);
    char text[32];
    if (place->group != NULL)
        return take_group_line(name, value, place);
    if (place->free_section >= 0)
        return take_free_line(name, value, place);
    if (!translate(section, &name, &value, text, sizeof(text), place))
        return false;
    const struct conf_key *key = find(section, name);
    if (key == NULL)
        return refuse(place, "there is no key \"%s\" in section [%s]", name, section);
    unsigned *first = &seen[key - conf_keys];
    if (*first != 0)
        return refuse(place, "%s is set again; line %u set it first", key->key, *first);
    *first = place->line;
    return set(conf, key, value, place);
}

static bool parse_lines(struct conf *conf, struct conf_items *items, unsigned seen[CONF_KEY_COUNT],
                        const char *name, const char *text, size_t size, char *error, size_t error_size)
{
    struct place place = {
        .name = name, .error = error, .error_size = error_size, .free_section = -1, .items = items};
    char section[32] = "", line[CONF_LINE_MAX + 1];
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end != NULL ? (size_t)(end - text) - at : size - at;
        place.line++;
        if (length >= sizeof(line))
            return refuse(&place, "the line has %zu bytes, at most %zu are allowed", length,
                          sizeof(line) - 1);
        if (memchr(text + at, '\0', length) != NULL)
            return refuse(&place, "the line holds a NUL byte");
        memcpy(line, text + at, length);
        line[length] = '\0';
        if (!take_line(conf, trim(line), section, sizeof(section), seen, &place))
            return false;
        at += length + 1;
    }
    return true;
}

/* `items_r` may be NULL. */
static bool parse(struct conf *conf_r, struct conf_items *items_r, unsigned seen[CONF_KEY_COUNT],
                  const char *name, const char *text, size_t size, char *error, size_t error_size)
{
    struct conf conf = *conf_r;
    struct conf_items items = {0};
    bool ok = parse_lines(&conf, &items, seen, name, text, size, error, error_size);
    if (ok && items_r != NULL)
        *items_r = items;
    else
        conf_items_free(&items);
    if (ok)
        *conf_r = conf;
    return ok;
}

bool conf_parse(struct conf *conf_r, const char *name, const char *text, size_t size, char *error,
                size_t error_size)
{
    unsigned seen[CONF_KEY_COUNT] = {0};
    return parse(conf_r, NULL, seen, name, text, size, error, error_size);
}

bool conf_load(struct conf *conf_r, const char *path, char *error, size_t error_size)
{
    unsigned lines[CONF_KEY_COUNT];
    return conf_load_lines(conf_r, lines, path, error, error_size);
}

static bool load(struct conf *conf_r, struct conf_items *items_r, unsigned lines_r[CONF_KEY_COUNT],
                 const char *path, char *error, size_t error_size)
{
    static char text[CONF_FILE_MAX + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        snprintf(error, error_size, "%s: %s", path, strerror(errno));
        return false;
    }
    size_t size = 0;
    ssize_t got;
    while ((got = read(fd, text + size, sizeof(text) - size)) > 0)
        size += (size_t)got;
    int failed = got < 0 ? errno : size > CONF_FILE_MAX ? EFBIG : 0;
    close(fd);
    if (failed) {
        snprintf(error, error_size, "%s: %s", path, strerror(failed));
        return false;
    }
    struct conf conf;
    unsigned lines[CONF_KEY_COUNT] = {0};
    conf_defaults(&conf);
    if (!parse(&conf, items_r, lines, path, text, size, error, error_size))
        return false;
    *conf_r = conf;
    memcpy(lines_r, lines, sizeof(lines));
    return true;
}

bool conf_load_lines(struct conf *conf_r, unsigned lines_r[CONF_KEY_COUNT], const char *path, char *error,
                     size_t error_size)
{
    return load(conf_r, NULL, lines_r, path, error, error_size);
}

bool conf_load_items(struct conf_items *items_r, const char *path, char *error, size_t error_size)
{
    struct conf conf;
    unsigned lines[CONF_KEY_COUNT];
    return load(&conf, items_r, lines, path, error, error_size);
}

const char *conf_value(const struct conf *conf, const struct conf_key *key, char *text, size_t size)
{
    const void *field = (const char *)conf + key->offset;
    if (key->type == CONF_NUMBER)
        snprintf(text, size, "%ld", *(const long *)field);
    else if (key->type == CONF_ANSWER)
        snprintf(text, size, "%s", answers[*(const enum conf_answer *)field]);
    else
        snprintf(text, size, "%s", (const char *)field);
    return text;
}

const struct conf_key *conf_group_key(size_t index)
{
    size_t i = 0;
    while (conf_keys[i].offset != group_keys[index])
        i++;
    return &conf_keys[i];
}

const char *conf_group_value(const struct conf_group *group, size_t index, char *text, size_t size)
{
    if (index < CONF_GROUP_NUMBER_COUNT)
        snprintf(text, size, "%ld", group->numbers[index]);
    else
        snprintf(text, size, "%s", group->texts[index - CONF_GROUP_NUMBER_COUNT]);
    return text;
}

const struct conf_group *conf_group_of(const struct conf *conf, conf_members members, size_t index)
{
    for (size_t i = 0; i < conf->group_count; i++) {
        if ((members & 1U << i) != 0 && conf->groups[i].lines[index] != 0)
            return &conf->groups[i];
    }
    return NULL;
}

long conf_number_for(const struct conf *conf, conf_members members, size_t index)
{
    const struct conf_group *group = conf_group_of(conf, members, index);
    return group != NULL ? group->numbers[index] : *(const long *)((const char *)conf + group_keys[index]);
}

const char *conf_text_for(const struct conf *conf, conf_members members, size_t index)
{
    const struct conf_group *group = conf_group_of(conf, members, index);
    return group != NULL ? group->texts[index - CONF_GROUP_NUMBER_COUNT]
                         : (const char *)conf + group_keys[index];
}

void conf_copy_value(struct conf *to, const struct conf *from, const struct conf_key *key)
{
    static const size_t sizes[] = {[CONF_TEXT] = CONF_TEXT_MAX + 1,  [CONF_PATH] = CONF_TEXT_MAX + 1,
                                   [CONF_NUMBER] = sizeof(long),     [CONF_ANSWER] = sizeof(enum conf_answer),
                                   [CONF_HOURS] = CONF_TEXT_MAX + 1, [CONF_HOME] = CONF_TEXT_MAX + 1};
    size_t size = sizes[key->type];
    memcpy((char *)to + key->offset, (const char *)from + key->offset, size);
}

const char *conf_run_path(const struct conf *conf, const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", conf->run_directory, name);
    return path;
}

const char *conf_state_path(const struct conf *conf, const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", conf->state_directory, name);
    return path;
}
