#include "rpc/subsystems.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/text.h"
#include "rpc/sm.h"

_Static_assert(CONF_SUBSYSTEMS_ROOM <= SM_SUBSYSTEMS_ROOM, "what a configuration may define is in RUN");

struct definition {
    char name[CONF_SUBSYSTEM_NAME_MAX + 1];
    bool required;
    struct conf_subsystem conf;
};

static bool is_known(const struct definition *all, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(all[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Behind those of the same order. */
static void insert(struct definition *all, size_t *count, const struct definition *one)
{
    size_t at = *count;
    for (; at > 0 && all[at - 1].conf.order > one->conf.order; at--)
        all[at] = all[at - 1];
    all[at] = *one;
    ++*count;
}

/* Returns how many there are. */
static size_t collect(const struct conf *conf, const struct conf_items *items, struct definition *all)
{
    const char *const lists[] = {conf->required_subsystems, conf->optional_subsystems};
    size_t count = 0;
    for (size_t i = 0; i < 2; i++) {
        char names[CONF_TEXT_MAX + 1], *at = names, *name;
        text_copy(names, sizeof(names), lists[i]);
        while ((name = strsep(&at, " \t,")) != NULL) {
            struct definition one = {.required = i == 0};
            if (name[0] != '\0' && count < SUBSYSTEMS_MOST && text_copy(one.name, sizeof(one.name), name) &&
                !is_known(all, count, name) && conf_subsystem_find(items, name, &one.conf) &&
                one.conf.in_sessions)
                insert(all, &count, &one);
        }
    }
    return count;
}

bool subsystems_encode(const struct conf *conf, const struct conf_items *items, char *text, size_t size,
                       char *error, size_t error_size)
{
    struct definition all[SUBSYSTEMS_MOST];
    size_t count = collect(conf, items, all), used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        int length = snprintf(text + used, size - used, "%s %s %ld %s %s\n", all[i].name,
                              all[i].required ? "required" : "optional", all[i].conf.restarts,
                              all[i].conf.ready ? "ready" : "-", all[i].conf.command);
        if (length < 0 || (size_t)length >= size - used) {
            snprintf(error, error_size,
                     "the definitions of the subsystems with When = session take more than %zu bytes", size);
            return false;
        }
        used += (size_t)length;
    }
    return true;
}

/* Reads one of two words. */
static bool read_word(const char *word, const char *yes, const char *no, bool *value_r)
{
    *value_r = word != NULL && strcmp(word, yes) == 0;
    return *value_r || (word != NULL && strcmp(word, no) == 0);
}

static bool is_name(const char *name)
{
    return name[0] != '\0' &&
           name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")] == '\0';
}

/* Returns NULL, or what is wrong with it. */
static const char *parse_line(char *text, struct subsystem_line *line_r)
{
    const char *name = strsep(&text, " ");
    const char *kind = strsep(&text, " ");
    const char *restarts = strsep(&text, " ");
    const char *ready = strsep(&text, " ");
    long number;
    if (!is_name(name) || !text_copy(line_r->name, sizeof(line_r->name), name))
        return "its name is none";
    if (!read_word(kind, "required", "optional", &line_r->required))
        return "it is neither required nor optional";
    if (restarts == NULL || !text_number(restarts, 0, SUBSYSTEMS_RESTARTS_MOST, &number))
        return "how often it may be started again is no such number";
    if (!read_word(ready, "ready", "-", &line_r->tells_ready))
        return "whether it tells that it is ready is not said";
    if (text == NULL || text[0] == '\0' || !text_is_printable(text))
        return "its command is none";
    line_r->restarts = (unsigned)number;
    line_r->command = text;
    return NULL;
}

int subsystems_parse(char *text, struct subsystem_line *lines_r, char *error, size_t error_size)
{
    int count = 0;
    while (text[0] != '\0') {
        char *end = strchr(text, '\n');
        const char *problem = count == SUBSYSTEMS_MOST ? "there are too many"
                              : end == NULL            ? "its end is missing"
                                                       : NULL;
        if (problem == NULL) {
            *end = '\0';
            problem = parse_line(text, &lines_r[count]);
        }
        for (int i = 0; problem == NULL && i < count; i++)
            problem = strcasecmp(lines_r[i].name, lines_r[count].name) == 0 ? "it is there twice" : NULL;
        count++;
        if (problem != NULL) {
            snprintf(error, error_size, "subsystem %d: %s", count, problem);
            return -1;
        }
        text = end + 1;
    }
    return count;
}
