/* The files that the kernel knows of, by parent and name: a client knows files by their paths alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wire.h"

/* One file or folder. It lives while anything holds it: the kernel, an operation, what is below it. */
struct node {
    struct node *parent; /* NULL: the folder of all drives */
    char *name;
    uint64_t serial; /* its inode number */
    bool folder;
    uint32_t device; /* not of the folder of all drives */
    uint64_t held;
    bool placed; /* found by its name; not when it has been deleted or taken over */
    struct node *next;
};

struct nodes;

struct nodes *nodes_new(void);
void nodes_free(struct nodes *nodes);
struct node *nodes_root(struct nodes *nodes);
/* The node of that name, held once more; made where there is none, or where it was of another type. NULL: out
 * of memory. */
struct node *nodes_take(struct nodes *nodes, struct node *parent, const char *name, bool folder,
                        uint32_t device);
/* The node of that name, not held; NULL: there is none. */
struct node *nodes_find(struct nodes *nodes, const struct node *parent, const char *name);
void node_hold(struct node *node);
void nodes_let_go(struct nodes *nodes, struct node *node, uint64_t times);
/* It is not there any more under its name. */
void nodes_remove(struct nodes *nodes, struct node *node);
/* It has another name now, whose node is removed. Returns false: out of memory, and it is removed. */
bool nodes_move(struct nodes *nodes, struct node *node, struct node *parent, const char *name);
/* The path on its drive, of `name` below it where that is not NULL: UTF-16 with a NUL. Returns false where it
 * does not fit the writer. */
bool node_path(const struct node *node, const char *name, struct wire_writer *writer);
