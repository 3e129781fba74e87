/* The free sections of the configuration: name = value lines whose names are the administrator's own. conf.h
 * checks them wherever the file is read; this is for the programs that want what is in them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* F(SYMBOL, section). */
#define CONF_FREE_SECTIONS(F)      \
    F(ENVIRONMENT, "Environment")  \
    F(DEVICES, "DosDevices")       \
    F(BOOT_EXECUTE, "BootExecute") \
    F(SUBSYSTEM, "SubSystem")

#define CONF_FREE_ENUM(symbol, section) CONF_FREE_##symbol,
enum conf_free { CONF_FREE_SECTIONS(CONF_FREE_ENUM) CONF_FREE_COUNT };
#undef CONF_FREE_ENUM

#define CONF_ITEMS_MAX          64 /* of one section */
#define CONF_ITEM_NAME_MAX      64 /* bytes */
#define CONF_SUBSYSTEM_NAME_MAX 24
/* What the definitions with When = session take together at most, in bytes (rpc/subsystems.h). */
#define CONF_SUBSYSTEMS_ROOM 8192

struct conf_item {
    enum conf_free section;
    unsigned line;
    /* One piece of memory, which starts at name. Of a section [SubSystem NAME]: "NAME.Key". */
    const char *name, *value;
};

/* In the order of the file. */
struct conf_items {
    struct conf_item *items;
    size_t count;
};

/* The free section of that name in any case, or -1. */
int conf_free_find(const char *section);
/* Checks one line and adds it. Returns true, or false with a sentence in `error`. */
bool conf_items_add(struct conf_items *items, enum conf_free section, unsigned line, const char *name,
                    const char *value, char *error, size_t error_size);
void conf_items_free(struct conf_items *items);

/* How a subsystem is run: a section [SubSystem NAME]. */
struct conf_subsystem {
    const char *command, *user; /* of the items; user NULL: root */
    long order, restarts;
    bool critical, ready;
    bool in_sessions; /* run by each session, as its user; else in session 0 */
};
/* Gives the defaults, and what the section sets. False when there is no such section, or no command in it. */
bool conf_subsystem_find(const struct conf_items *items, const char *name,
                         struct conf_subsystem *subsystem_r);

/* Reads the whole file as conf_load does, and gives what its free sections hold. Returns true, or false with
 * the file, the line and what is wrong in `error`. conf_items_free frees what it gives. */
bool conf_load_items(struct conf_items *items_r, const char *path, char *error, size_t error_size);

/* The system variables of [Environment] as NAME=VALUE, each with those before it put in for %NAME% (%% is a
 * per cent sign; what no earlier line sets is taken from `environment`, else is empty). Ends with NULL;
 * conf_environment_free frees it. Returns NULL without memory. */
char **conf_environment(const struct conf_items *items, char *const *environment);
/* `base` (NULL: nothing) with the variables of `over` put in or added: a new one, as above. */
char **conf_environment_merge(char *const *base, char *const *over);
void conf_environment_free(char **environment);
/* The environment of Lodge's processes: `base` with those variables, and their names in CONF_VARIABLES, so
 * that a session can tell them from others. *count_r is their number. NULL without memory. */
char **conf_environment_full(const struct conf_items *items, char *const *base, unsigned *count_r);
#define CONF_VARIABLES "LODGE_VARIABLES"
