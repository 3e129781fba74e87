#include "ctl/table.h"

#include <err.h>
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "common/text.h"

#define CELL_ROOM    512
#define COLUMN_GAP   2
#define COLUMN_LEAST 6 /* no flexible column is cut below this */

struct table {
    const struct table_column *columns;
    size_t column_count;
    char **cells; /* row after row */
    size_t row_count, row_room;
    locale_t locale; /* of wcwidth: UTF-8, whatever the person's own is */
};

struct table *table_new(const struct table_column *columns, size_t count)
{
    struct table *table = calloc(1, sizeof(*table));
    if (table == NULL || count > TABLE_COLUMNS_MAX)
        errx(1, "a table of %zu columns cannot be made", count);
    table->columns = columns;
    table->column_count = count;
    table->locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    return table;
}

void table_free(struct table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->row_count * table->column_count; i++)
        free(table->cells[i]);
    free(table->cells);
    if (table->locale != (locale_t)0)
        freelocale(table->locale);
    free(table);
}

void table_add_row(struct table *table, const char *const *cells)
{
    if (table->row_count == table->row_room) {
        table->row_room = table->row_room > 0 ? 2 * table->row_room : 16;
        table->cells = reallocarray(table->cells, table->row_room * table->column_count, sizeof(char *));
        if (table->cells == NULL)
            err(1, "a table of %zu rows", table->row_room);
    }
    for (size_t i = 0; i < table->column_count; i++) {
        char safe[CELL_ROOM];
        char *copy = strdup(text_escape(safe, sizeof(safe), cells[i] != NULL ? cells[i] : ""));
        if (copy == NULL)
            err(1, "a table of %zu rows", table->row_room);
        table->cells[table->row_count * table->column_count + i] = copy;
    }
    table->row_count++;
}

/* The number of bytes of `text` that fit in `room` cells, and in *cells_r how many cells they take. */
static size_t fit(const char *text, size_t room, size_t *cells_r)
{
    size_t used = 0, cells = 0, left = strlen(text);
    mbstate_t state = {0};
    while (left > 0) {
        wchar_t point;
        size_t step = mbrtowc(&point, text + used, left, &state);
        int width = 1;
        if (step == (size_t)-1 || step == (size_t)-2 || step == 0) {
            step = 1;
            memset(&state, 0, sizeof(state));
        } else if ((width = wcwidth(point)) < 0) {
            width = 1;
        }
        if (cells + (size_t)width > room)
            break;
        cells += (size_t)width;
        used += step;
        left -= step;
    }
    *cells_r = cells;
    return used;
}

static size_t cells_of(const char *text)
{
    size_t cells;
    fit(text, SIZE_MAX / 2, &cells);
    return cells;
}

static const char *cell_at(const struct table *table, size_t row, size_t column)
{
    return row == 0 ? table->columns[column].title : table->cells[(row - 1) * table->column_count + column];
}

/* Takes cells away from the widest flexible column, one at a time, until the rows fit in `width`. */
static void shrink(const struct table *table, size_t *widths, size_t width)
{
    size_t total = COLUMN_GAP * (table->column_count - 1);
    for (size_t i = 0; i < table->column_count; i++)
        total += widths[i];
    for (; total > width; total--) {
        size_t widest = table->column_count;
        for (size_t i = 0; i < table->column_count; i++) {
            if (table->columns[i].flexible && widths[i] > COLUMN_LEAST &&
                (widest == table->column_count || widths[i] > widths[widest]))
                widest = i;
        }
        if (widest == table->column_count)
            return;
        widths[widest]--;
    }
}

static void print_cell(const struct table *table, FILE *out, size_t column, const char *text, size_t width,
                       const char *colour)
{
    size_t cells, bytes = fit(text, width, &cells);
    bool cut = text[bytes] != '\0';
    if (cut)
        bytes = fit(text, width - 1, &cells);
    int padding = (int)(width - cells - (cut ? 1 : 0));
    bool last = column + 1 == table->column_count;
    if (table->columns[column].right)
        fprintf(out, "%*s", padding, "");
    if (colour != NULL)
        fprintf(out, "\033[%sm", colour);
    fwrite(text, 1, bytes, out);
    if (cut)
        fputs("\xe2\x80\xa6", out);
    if (colour != NULL)
        fputs("\033[0m", out);
    if (!last)
        fprintf(out, "%*s", (table->columns[column].right ? 0 : padding) + COLUMN_GAP, "");
}

static const char *colour_of(const struct table_column *column, size_t row, const char *cell)
{
    if (row == 0)
        return "1";
    return column->colour != NULL ? column->colour(cell) : NULL;
}

static void print_rows(const struct table *table, FILE *out, const size_t *widths, bool colour)
{
    for (size_t row = 0; row <= table->row_count; row++) {
        for (size_t i = 0; i < table->column_count; i++) {
            const char *cell = cell_at(table, row, i);
            print_cell(table, out, i, cell, widths[i],
                       colour ? colour_of(&table->columns[i], row, cell) : NULL);
        }
        fputc('\n', out);
    }
}

void table_print(const struct table *table, FILE *out, size_t width, bool colour)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    locale_t before = uselocale(table->locale != (locale_t)0 ? table->locale : LC_GLOBAL_LOCALE);
    for (size_t row = 0; row <= table->row_count; row++) {
        for (size_t i = 0; i < table->column_count; i++) {
            size_t cells = cells_of(cell_at(table, row, i));
            widths[i] = cells > widths[i] ? cells : widths[i];
        }
    }
    if (width > 0)
        shrink(table, widths, width);
    print_rows(table, out, widths, colour);
    uselocale(before);
}

size_t terminal_width(int fd)
{
    struct winsize size;
    if (!isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
}

bool terminal_has_colour(int fd)
{
    const char *no = getenv("NO_COLOR"), *kind = getenv("TERM");
    return isatty(fd) && (no == NULL || no[0] == '\0') && kind != NULL && strcmp(kind, "dumb") != 0;
}
