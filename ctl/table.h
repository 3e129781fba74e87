/* A table of text for people: columns as wide as what is in them, cut to the width of the terminal. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 12

struct table_column {
    const char *title;
    bool right;    /* numbers stand at the right */
    bool flexible; /* may be cut, with an ellipsis, where the terminal is too narrow */
    /* The SGR parameters ("32") for a cell of this text, or NULL for none; may itself be NULL. */
    const char *(*colour)(const char *cell);
};

struct table;

/* A table of `count` columns (at most TABLE_COLUMNS_MAX), which the caller keeps. Ends the program when there
 * is no memory. */
struct table *table_new(const struct table_column *columns, size_t count);
void table_free(struct table *table);
/* Adds one row of as many cells as there are columns. They may hold anything: what a terminal would take for
 * more than text is shown escaped. NULL counts as "". */
void table_add_row(struct table *table, const char *const *cells);
/* Writes titles and rows. `width` is that of the terminal in cells, 0 where there is no bound. */
void table_print(const struct table *table, FILE *out, size_t width, bool colour);

/* The width of the terminal at `fd` in cells, 0 when it is none. */
size_t terminal_width(int fd);
/* True when what is written to `fd` may be coloured: a terminal, not a dumb one, and NO_COLOR is not set. */
bool terminal_has_colour(int fd);
