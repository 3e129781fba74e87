/* licence pool, list, issue, revoke, report. */
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"
#include "ctl/describe.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/server.h"
#include "ctl/table.h"

static bool wants_json(const struct ctl_arguments *arguments)
{
    return (arguments->options & CTL_BIT(JSON)) != 0;
}

static void print_pool(const Lodge__Lsm__LicencePool *pool)
{
    char time[DESCRIBE_ROOM], safe[64];
    printf("%-16s %s\n", "Mode", text_escape(safe, sizeof(safe), pool->mode));
    printf("%-16s %" PRIu32 " of %" PRIu32 "\n", "In use", pool->in_use, pool->size);
    printf("%-16s %" PRIu32 "\n", "Temporary", pool->temporary);
    printf("%-16s %" PRIu32 " of %" PRIu32 "\n", "Revoked", pool->revoked, pool->revocable);
    printf("%-16s %s%s\n", "Grace period", pool->in_grace ? "until " : "over since ",
           describe_time(pool->grace_end_ms, time, sizeof(time)));
    if (!pool->available)
        puts("The books cannot be read at the moment: everyone is let in.");
}

static void put_pool(const Lodge__Lsm__LicencePool *pool)
{
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_put_text(&writer, "mode", pool->mode);
    json_put_number(&writer, "size", pool->size);
    json_put_number(&writer, "in_use", pool->in_use);
    json_put_number(&writer, "temporary", pool->temporary);
    json_put_number(&writer, "revoked", pool->revoked);
    json_put_number(&writer, "revocable", pool->revocable);
    json_put_number(&writer, "grace_end_ms", pool->grace_end_ms);
    json_put_bool(&writer, "in_grace", pool->in_grace);
    json_put_bool(&writer, "available", pool->available);
    json_close_object(&writer);
    fputc('\n', stdout);
}

enum ctl_exit ctl_licence_pool(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LICENCE_POOL;
    request.licence_pool = &nothing;
    enum ctl_exit result = server_ask_once(arguments, conf, "the pool", &request,
                                           LODGE__LSM__ANSWER__RESULT_LICENCE_POOL, &answer);
    if (result != CTL_DONE)
        return result;
    if (wants_json(arguments))
        put_pool(answer->licence_pool);
    else if (strcmp(answer->licence_pool->mode, "none") == 0)
        puts("Licensing is not in use (Mode of [Licences] is none).");
    else
        print_pool(answer->licence_pool);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}

static void put_licence(struct json_writer *writer, const Lodge__Lsm__Licence *licence)
{
    json_open_object(writer, NULL);
    json_put_number(writer, "serial", licence->serial);
    json_put_text(writer, "holder", licence->holder);
    json_put_text(writer, "kind", licence->kind);
    json_put_text(writer, "state", licence->state);
    json_put_number(writer, "issued_ms", licence->issued_ms);
    json_put_number(writer, "expires_ms", licence->expires_ms);
    json_put_number(writer, "used_ms", licence->used_ms);
    json_put_number(writer, "revoked_ms", licence->revoked_ms);
    json_put_number(writer, "sessions", licence->sessions);
    json_close_object(writer);
}

static void add_licence(struct table *table, const Lodge__Lsm__Licence *licence)
{
    char serial[24], sessions[16], issued[DESCRIBE_ROOM], used[DESCRIBE_ROOM], expires[DESCRIBE_ROOM];
    snprintf(serial, sizeof(serial), "%" PRIu64, licence->serial);
    snprintf(sessions, sizeof(sessions), "%" PRIu32, licence->sessions);
    table_add_row(table, (const char *[]){serial, licence->holder, licence->kind, licence->state, sessions,
                                          describe_time(licence->issued_ms, issued, sizeof(issued)),
                                          describe_time(licence->used_ms, used, sizeof(used)),
                                          describe_time(licence->expires_ms, expires, sizeof(expires))});
}

static const struct table_column licence_columns[] = {
    {"SERIAL", true, false, NULL}, {"HOLDER", false, true, NULL},   {"KIND", false, false, NULL},
    {"STATE", false, false, NULL}, {"SESSIONS", true, false, NULL}, {"ISSUED", false, false, NULL},
    {"USED", false, false, NULL},  {"EXPIRES", false, false, NULL},
};

/* Hands each licence, page by page, to the table or, where there is none, to the writer. */
static enum ctl_exit fetch(struct server *server, struct table *table, struct json_writer *writer,
                           size_t *count_r)
{
    Lodge__Lsm__LicenceListRequest list = LODGE__LSM__LICENCE_LIST_REQUEST__INIT;
    for (bool more = true; more;) {
        Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
        Lodge__Lsm__Answer *answer;
        request.method_case = LODGE__LSM__REQUEST__METHOD_LICENCE_LIST;
        request.licence_list = &list;
        enum ctl_exit result =
            server_ask(server, "the licences", &request, LODGE__LSM__ANSWER__RESULT_LICENCES, &answer);
        if (result != CTL_DONE)
            return result;
        const Lodge__Lsm__Licences *page = answer->licences;
        uint64_t after = list.after;
        for (size_t i = 0; i < page->n_licence; i++) {
            if (table != NULL)
                add_licence(table, page->licence[i]);
            else
                put_licence(writer, page->licence[i]);
            after = page->licence[i]->serial;
        }
        *count_r += page->n_licence;
        more = page->more && after > list.after;
        list.after = after;
        lodge__lsm__answer__free_unpacked(answer, NULL);
    }
    return CTL_DONE;
}

enum ctl_exit ctl_licence_list(const struct ctl_arguments *arguments, const struct conf *conf)
{
    struct server server;
    struct json_writer writer = json_writer_on(stdout);
    struct table *table = NULL;
    size_t count = 0;
    enum ctl_exit result = server_open(&server, arguments, conf);
    if (result != CTL_DONE)
        return result;
    if (wants_json(arguments)) {
        json_open_object(&writer, NULL);
        json_open_array(&writer, "licences");
    } else {
        table = table_new(licence_columns, sizeof(licence_columns) / sizeof(licence_columns[0]));
    }
    result = fetch(&server, table, &writer, &count);
    server_close(&server);
    if (table == NULL) {
        json_close_array(&writer);
        json_close_object(&writer);
        fputc('\n', stdout);
    } else {
        if (result == CTL_DONE && count == 0)
            puts("There are no licences.");
        else if (result == CTL_DONE)
            table_print(table, stdout, terminal_width(STDOUT_FILENO), terminal_has_colour(STDOUT_FILENO));
        table_free(table);
    }
    return result;
}

static enum ctl_exit change(const struct ctl_arguments *arguments, const struct conf *conf,
                            Lodge__Lsm__Request__MethodCase method, const char *done)
{
    Lodge__Lsm__LicenceRequest licence = LODGE__LSM__LICENCE_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    char safe[1024];
    licence.holder = (char *)arguments->name;
    request.method_case = method;
    request.licence_issue = &licence; /* one union, and one type for both */
    enum ctl_exit result = server_ask_once(arguments, conf, arguments->name, &request,
                                           LODGE__LSM__ANSWER__RESULT__NOT_SET, &answer);
    if (result != CTL_DONE)
        return result;
    printf("%s %s.\n", text_escape(safe, sizeof(safe), arguments->name), done);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}

enum ctl_exit ctl_licence_issue(const struct ctl_arguments *arguments, const struct conf *conf)
{
    return change(arguments, conf, LODGE__LSM__REQUEST__METHOD_LICENCE_ISSUE, "has a licence now");
}

enum ctl_exit ctl_licence_revoke(const struct ctl_arguments *arguments, const struct conf *conf)
{
    return change(arguments, conf, LODGE__LSM__REQUEST__METHOD_LICENCE_REVOKE, "has no licence any more");
}

static const char *day_text(uint64_t time_ms, char text[16])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL || strftime(text, 16, "%Y-%m-%d", &parts) == 0)
        snprintf(text, 16, "-");
    return text;
}

static void put_report(const Lodge__Lsm__LicenceReport *report)
{
    struct json_writer writer = json_writer_on(stdout);
    char day[16];
    json_open_object(&writer, NULL);
    json_open_array(&writer, "days");
    for (size_t i = 0; i < report->n_day; i++) {
        json_open_object(&writer, NULL);
        json_put_text(&writer, "day", day_text(report->day[i]->time_ms, day));
        json_put_number(&writer, "pool", report->day[i]->pool);
        json_put_number(&writer, "peak", report->day[i]->peak);
        json_put_number(&writer, "issued", report->day[i]->issued);
        json_put_number(&writer, "warned", report->day[i]->warned);
        json_put_number(&writer, "refused", report->day[i]->refused);
        json_close_object(&writer);
    }
    json_close_array(&writer);
    json_close_object(&writer);
    fputc('\n', stdout);
}

static void print_report(const Lodge__Lsm__LicenceReport *report)
{
    static const struct table_column columns[] = {
        {"DAY", false, false, NULL},   {"POOL", true, false, NULL},   {"PEAK", true, false, NULL},
        {"ISSUED", true, false, NULL}, {"WARNED", true, false, NULL}, {"REFUSED", true, false, NULL},
    };
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < report->n_day; i++) {
        const Lodge__Lsm__LicenceDay *day = report->day[i];
        const uint32_t numbers[] = {day->pool, day->peak, day->issued, day->warned, day->refused};
        char cells[5][16], name[16];
        for (size_t j = 0; j < 5; j++)
            snprintf(cells[j], sizeof(cells[j]), "%" PRIu32, numbers[j]);
        table_add_row(table, (const char *[]){day_text(day->time_ms, name), cells[0], cells[1], cells[2],
                                              cells[3], cells[4]});
    }
    if (report->n_day == 0)
        puts("Nothing is known of these days.");
    else
        table_print(table, stdout, terminal_width(STDOUT_FILENO), terminal_has_colour(STDOUT_FILENO));
    table_free(table);
}

enum ctl_exit ctl_licence_report(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__LicenceReportRequest report = LODGE__LSM__LICENCE_REPORT_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    report.days = (arguments->options & CTL_BIT(COUNT)) != 0 ? arguments->count : 0;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LICENCE_REPORT;
    request.licence_report = &report;
    enum ctl_exit result = server_ask_once(arguments, conf, "the report", &request,
                                           LODGE__LSM__ANSWER__RESULT_LICENCE_REPORT, &answer);
    if (result != CTL_DONE)
        return result;
    if (wants_json(arguments))
        put_report(answer->licence_report);
    else
        print_report(answer->licence_report);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}
