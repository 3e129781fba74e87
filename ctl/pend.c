/* pend rename, delete, list, cancel: the operations that wait for the next boot. They work on the file
 * itself, so that an upgrade can queue them whether Lodge runs or not. */
#include "sessionmgr/pend.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"
#include "ctl/commands.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/table.h"

#define ERROR_ROOM 2048

static enum ctl_exit open_queue(struct pend *pend_r, const struct conf *conf, bool change)
{
    char error[ERROR_ROOM];
    if (pend_open(pend_r, conf, change, error, sizeof(error)))
        return CTL_DONE;
    ctl_say("%s", error);
    return CTL_FAILED;
}

static enum ctl_exit add(const struct conf *conf, const char *from, const char *to)
{
    struct pend pend;
    char error[ERROR_ROOM];
    uint32_t id;
    if (open_queue(&pend, conf, true) != CTL_DONE)
        return CTL_FAILED;
    bool ok = pend_add(&pend, from, to, &id, error, sizeof(error));
    pend_close(&pend);
    if (!ok) {
        ctl_say("%s", error);
        return CTL_FAILED;
    }
    printf("Operation %" PRIu32 " is queued for the next boot.\n", id);
    return CTL_DONE;
}

enum ctl_exit ctl_pend_rename(const struct ctl_arguments *arguments, const struct conf *conf)
{
    return add(conf, arguments->name, arguments->text);
}

enum ctl_exit ctl_pend_delete(const struct ctl_arguments *arguments, const struct conf *conf)
{
    return add(conf, arguments->name, NULL);
}

enum ctl_exit ctl_pend_cancel(const struct ctl_arguments *arguments, const struct conf *conf)
{
    struct pend pend;
    char error[ERROR_ROOM];
    long id = 0;
    if (strcmp(arguments->name, "all") != 0 && !text_number(arguments->name, 1, UINT32_MAX, &id)) {
        ctl_say("\"%s\" is no operation; lodgectl pend list shows their numbers, and all is all of them",
                arguments->name);
        return CTL_USAGE;
    }
    if (open_queue(&pend, conf, true) != CTL_DONE)
        return CTL_FAILED;
    bool ok = pend_cancel(&pend, (uint32_t)id, error, sizeof(error));
    pend_close(&pend);
    if (!ok)
        ctl_say("%s", error);
    return ok ? CTL_DONE : CTL_FAILED;
}

static void print_table(const struct pend *pend)
{
    static const struct table_column columns[] = {
        {"NUMBER", true, false, NULL},
        {"OPERATION", false, false, NULL},
        {"FROM", false, true, NULL},
        {"TO", false, true, NULL},
    };
    if (pend->count == 0) {
        puts("Nothing is queued.");
        return;
    }
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < pend->count; i++) {
        const struct pend_op *op = &pend->ops[i];
        char number[16];
        snprintf(number, sizeof(number), "%" PRIu32, op->id);
        const char *const cells[] = {number, op->to[0] != '\0' ? "rename" : "delete", op->from, op->to};
        table_add_row(table, cells);
    }
    table_print(table, stdout, terminal_width(STDOUT_FILENO), terminal_has_colour(STDOUT_FILENO));
    table_free(table);
}

static void print_json(const struct pend *pend)
{
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_open_array(&writer, "operations");
    for (size_t i = 0; i < pend->count; i++) {
        const struct pend_op *op = &pend->ops[i];
        json_open_object(&writer, NULL);
        json_put_number(&writer, "number", op->id);
        json_put_text(&writer, "operation", op->to[0] != '\0' ? "rename" : "delete");
        json_put_text(&writer, "from", op->from);
        json_put_text(&writer, "to", op->to);
        json_close_object(&writer);
    }
    json_close_array(&writer);
    json_close_object(&writer);
    fputc('\n', stdout);
}

enum ctl_exit ctl_pend_list(const struct ctl_arguments *arguments, const struct conf *conf)
{
    struct pend pend;
    if (open_queue(&pend, conf, false) != CTL_DONE)
        return CTL_FAILED;
    if ((arguments->options & CTL_BIT(JSON)) != 0)
        print_json(&pend);
    else
        print_table(&pend);
    pend_close(&pend);
    return CTL_DONE;
}
