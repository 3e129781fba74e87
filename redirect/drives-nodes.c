#include "redirect/drives-nodes.h"

#include <stdlib.h>
#include <string.h>

#include "redirect/drives-format.h"

#define BUCKETS_FIRST 256

struct nodes {
    struct node root;
    struct node **buckets;
    size_t size, count;
    uint64_t serial;
};

struct nodes *nodes_new(void)
{
    struct nodes *nodes = calloc(1, sizeof(*nodes));
    if (nodes == NULL)
        return NULL;
    nodes->size = BUCKETS_FIRST;
    nodes->buckets = calloc(nodes->size, sizeof(struct node *));
    if (nodes->buckets == NULL) {
        free(nodes);
        return NULL;
    }
    nodes->root = (struct node){.serial = 1, .folder = true, .held = 1};
    nodes->serial = 1;
    return nodes;
}

/* What is held still, by nobody that comes back, is freed with the process. */
void nodes_free(struct nodes *nodes)
{
    if (nodes == NULL)
        return;
    free(nodes->buckets);
    free(nodes);
}

struct node *nodes_root(struct nodes *nodes)
{
    return &nodes->root;
}

static size_t bucket_of(const struct nodes *nodes, const struct node *parent, const char *name)
{
    uint64_t hash = 14695981039346656037ULL ^ parent->serial;
    for (const unsigned char *at = (const unsigned char *)name; *at != '\0'; at++)
        hash = (hash ^ *at) * 1099511628211ULL;
    return (size_t)(hash ^ hash >> 32) % nodes->size;
}

static void place(struct nodes *nodes, struct node *node)
{
    size_t bucket = bucket_of(nodes, node->parent, node->name);
    node->next = nodes->buckets[bucket];
    nodes->buckets[bucket] = node;
    node->placed = true;
    nodes->count++;
}

/* Without memory the chains become longer. */
static void grow(struct nodes *nodes)
{
    size_t old_size = nodes->size;
    struct node **old = nodes->buckets;
    struct node **buckets = nodes->count < old_size ? NULL : calloc(old_size * 2, sizeof(struct node *));
    if (buckets == NULL)
        return;
    nodes->buckets = buckets;
    nodes->size = old_size * 2;
    nodes->count = 0;
    for (size_t i = 0; i < old_size; i++) {
        while (old[i] != NULL) {
            struct node *node = old[i];
            old[i] = node->next;
            place(nodes, node);
        }
    }
    free(old);
}

struct node *nodes_find(struct nodes *nodes, const struct node *parent, const char *name)
{
    struct node *node = nodes->buckets[bucket_of(nodes, parent, name)];
    while (node != NULL && (node->parent != parent || strcmp(node->name, name) != 0))
        node = node->next;
    return node;
}

void nodes_remove(struct nodes *nodes, struct node *node)
{
    if (!node->placed)
        return;
    struct node **at = &nodes->buckets[bucket_of(nodes, node->parent, node->name)];
    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    node->placed = false;
    nodes->count--;
}

struct node *nodes_take(struct nodes *nodes, struct node *parent, const char *name, bool folder,
                        uint32_t device)
{
    struct node *node = nodes_find(nodes, parent, name);
    if (node != NULL && node->folder == folder && node->device == device) {
        node->held++;
        return node;
    }
    if (node != NULL)
        nodes_remove(nodes, node);
    node = calloc(1, sizeof(*node));
    if (node == NULL || (node->name = strdup(name)) == NULL) {
        free(node);
        return NULL;
    }
    node->parent = parent;
    node->folder = folder;
    node->device = device;
    node->serial = ++nodes->serial;
    node->held = 1;
    parent->held++;
    grow(nodes);
    place(nodes, node);
    return node;
}

void node_hold(struct node *node)
{
    node->held++;
}

void nodes_let_go(struct nodes *nodes, struct node *node, uint64_t times)
{
    while (node->parent != NULL) {
        struct node *parent = node->parent;
        node->held = node->held > times ? node->held - times : 0;
        if (node->held > 0)
            return;
        nodes_remove(nodes, node);
        free(node->name);
        free(node);
        node = parent;
        times = 1;
    }
}

bool nodes_move(struct nodes *nodes, struct node *node, struct node *parent, const char *name)
{
    struct node *over = nodes_find(nodes, parent, name), *before = node->parent;
    char *copy = strdup(name);
    if (over != NULL)
        nodes_remove(nodes, over);
    nodes_remove(nodes, node);
    if (copy == NULL)
        return false;
    free(node->name);
    node->name = copy;
    node->parent = parent;
    parent->held++;
    place(nodes, node);
    nodes_let_go(nodes, before, 1);
    return true;
}

static void path_put(const struct node *node, struct wire_writer *writer)
{
    if (node->parent == NULL || node->parent->parent == NULL)
        return; /* the drive itself */
    path_put(node->parent, writer);
    wire_put_u16(writer, '\\');
    format_utf16_put(writer, node->name);
}

/* Deeper than this no path is short enough. */
static bool is_too_deep(const struct node *node)
{
    size_t depth = 0;
    while (node->parent != NULL && depth < FORMAT_PATH_UNITS) {
        node = node->parent;
        depth++;
    }
    return depth == FORMAT_PATH_UNITS;
}

bool node_path(const struct node *node, const char *name, struct wire_writer *writer)
{
    size_t before = writer->used;
    if (is_too_deep(node))
        return false;
    path_put(node, writer);
    if (name != NULL) {
        wire_put_u16(writer, '\\');
        format_utf16_put(writer, name);
    }
    if (writer->used == before)
        wire_put_u16(writer, '\\');
    wire_put_u16(writer, 0);
    return !writer->failed;
}
