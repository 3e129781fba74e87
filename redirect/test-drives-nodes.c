#include "redirect/drives-format.h"
#include "redirect/drives-nodes.h"
#include "tests/check.h"

static void check_path(const struct node *node, const char *name, const char *want)
{
    uint8_t path[256];
    char text[256];
    struct wire_writer writer = wire_writer_over(path, sizeof(path));
    CHECK(node_path(node, name, &writer) && writer.used >= 2);
    CHECK(path[writer.used - 1] == 0 && path[writer.used - 2] == 0);
    CHECK(format_utf8(path, writer.used - 2, text, sizeof(text)));
    CHECK_TEXT(text, want);
}

static void test_paths(void)
{
    struct nodes *nodes = nodes_new();
    struct node *drive = nodes_take(nodes, nodes_root(nodes), "C", true, 7);
    struct node *a = nodes_take(nodes, drive, "a", true, 7), *b = nodes_take(nodes, a, "ö😀", true, 7);
    struct node *file = nodes_take(nodes, b, "file", false, 7);
    check_path(drive, NULL, "\\");
    check_path(drive, "x", "\\x");
    check_path(file, NULL, "\\a\\ö😀\\file");
    CHECK(nodes_take(nodes, b, "file", false, 7) == file && file->held == 2);
    /* A folder that moves takes along what is below it. */
    CHECK(nodes_move(nodes, b, drive, "moved"));
    check_path(file, NULL, "\\moved\\file");
    CHECK(nodes_find(nodes, a, "ö😀") == NULL && nodes_find(nodes, drive, "moved") == b);
    /* What was under the new name is not found any more, and lives as long as it is held. */
    struct node *over = nodes_take(nodes, drive, "over", false, 7);
    CHECK(nodes_move(nodes, file, drive, "over") && nodes_find(nodes, drive, "over") == file &&
          !over->placed);
    check_path(over, NULL, "\\over");
    nodes_let_go(nodes, over, 1);
    /* Of another type now: another one. */
    struct node *folder = nodes_take(nodes, drive, "over", true, 7);
    CHECK(folder != file && nodes_find(nodes, drive, "over") == folder && folder->serial != file->serial);
    nodes_let_go(nodes, folder, 1);
    nodes_let_go(nodes, file, 2);
    nodes_let_go(nodes, b, 1);
    nodes_let_go(nodes, a, 1);
    CHECK(nodes_find(nodes, drive, "a") == NULL && drive->held == 1);
    nodes_let_go(nodes, drive, 5); /* more than it is held: no less than nothing */
    CHECK(nodes_find(nodes, nodes_root(nodes), "C") == NULL);
    nodes_free(nodes);
}

static void test_many(void)
{
    enum { MANY = 10000 };
    static struct node *made[MANY];
    struct nodes *nodes = nodes_new();
    struct node *drive = nodes_take(nodes, nodes_root(nodes), "C", true, 1);
    char name[16];
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "%d", i);
        made[i] = nodes_take(nodes, drive, name, false, 1);
        CHECK(made[i] != NULL);
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "%d", i);
        CHECK(nodes_find(nodes, drive, name) == made[i]);
        nodes_let_go(nodes, made[i], 1);
        CHECK(nodes_find(nodes, drive, name) == NULL);
    }
    CHECK(drive->held == 1);
    nodes_let_go(nodes, drive, 1);
    nodes_free(nodes);
}

static void test_deep(void)
{
    uint8_t path[FORMAT_PATH_UNITS * 2];
    struct nodes *nodes = nodes_new();
    struct node *node = nodes_take(nodes, nodes_root(nodes), "C", true, 1);
    bool fits = true;
    int depth = 0;
    while (fits) {
        struct node *next = nodes_take(nodes, node, "x", true, 1);
        struct wire_writer writer = wire_writer_over(path, sizeof(path));
        CHECK(next != NULL && depth < FORMAT_PATH_UNITS);
        fits = node_path(next, NULL, &writer);
        nodes_let_go(nodes, node, 1); /* held by what is below it */
        node = next;
        depth++;
    }
    CHECK(depth == FORMAT_PATH_UNITS / 2);
    nodes_let_go(nodes, node, 1);
    nodes_free(nodes);
}

int main(void)
{
    test_paths();
    test_many();
    test_deep();
    return 0;
}
