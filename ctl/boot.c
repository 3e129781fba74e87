/* boot: the steps of the last boot, from the file that lodge-smss writes; no broker is needed. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"
#include "ctl/boot.h"
#include "ctl/commands.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/table.h"

#define FILE_MOST 16384
#define BAR_CELLS 32

static int64_t end_of(const struct steps *steps)
{
    int64_t end = steps->ready_us;
    for (size_t i = 0; i < steps->count; i++)
        end = steps->steps[i].end_us > end ? steps->steps[i].end_us : end;
    return end > steps->began_us ? end : steps->began_us + 1;
}

const char *boot_bar(const struct steps *steps, const struct step *step, char *bar, size_t cells)
{
    int64_t whole = end_of(steps) - steps->began_us, start = step->start_us - steps->began_us;
    int64_t end = step->end_us - steps->began_us;
    size_t used = 0;
    start = start < 0 ? 0 : start < whole ? start : whole - 1;
    end = end < start ? start : end;
    size_t first = (size_t)(start * (int64_t)cells / whole), last = (size_t)(end * (int64_t)cells / whole);
    for (size_t i = 0; i < cells; i++) {
        const char *cell = i < first || (i > first && i >= last) ? " " : "█";
        memcpy(bar + used, cell, strlen(cell));
        used += strlen(cell);
    }
    while (used > 0 && bar[used - 1] == ' ')
        used--;
    bar[used] = '\0';
    return bar;
}

static const char *milliseconds(int64_t us, char *text, size_t size)
{
    snprintf(text, size, "%" PRId64 ".%d ms", us / 1000, (int)(us % 1000 / 100));
    return text;
}

static const char *colour_of(const char *cell)
{
    return strcmp(cell, "stopped") == 0                                    ? "31"
           : strcmp(cell, "degraded") == 0 || strcmp(cell, "ignored") == 0 ? "33"
                                                                           : NULL;
}

static void print_summary(const struct steps *steps)
{
    char when[40], after[40];
    time_t seconds = (time_t)(steps->began_ms / 1000);
    struct tm parts;
    if (localtime_r(&seconds, &parts) == NULL ||
        strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &parts) == 0)
        snprintf(when, sizeof(when), "an unknown time");
    printf("Boot of %s: ", when);
    if (steps->stopped)
        puts("it stopped at a step that failed.");
    else if (steps->ready_us == 0)
        puts("logons are not accepted yet.");
    else
        printf("logons are accepted after %s%s.\n",
               milliseconds(steps->ready_us - steps->began_us, after, sizeof(after)),
               steps_are_degraded(steps) ? "; the server is degraded" : "");
}

static void print_table(const struct steps *steps)
{
    static const struct table_column columns[] = {
        {"STEP", false, false, NULL}, {"START", true, false, NULL},        {"TIME", true, false, NULL},
        {"", false, false, NULL},     {"RESULT", false, false, colour_of}, {"DETAIL", false, true, NULL},
    };
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->steps[i];
        char start[40], time[40] = "", bar[BAR_CELLS * 4];
        milliseconds(step->start_us - steps->began_us, start, sizeof(start));
        if (step->end_us >= step->start_us)
            milliseconds(step->end_us - step->start_us, time, sizeof(time));
        const char *const cells[] = {step->name,   start,       time, boot_bar(steps, step, bar, BAR_CELLS),
                                     step->result, step->detail};
        table_add_row(table, cells);
    }
    table_print(table, stdout, terminal_width(STDOUT_FILENO), terminal_has_colour(STDOUT_FILENO));
    table_free(table);
    print_summary(steps);
}

static void print_json(const struct steps *steps)
{
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_put_number(&writer, "began_ms", (uint64_t)steps->began_ms);
    json_put_bool(&writer, "accepting", steps->ready_us != 0 && !steps->stopped);
    json_put_bool(&writer, "degraded", steps_are_degraded(steps));
    json_put_bool(&writer, "stopped", steps->stopped);
    json_put_number(&writer, "ready_us",
                    steps->ready_us > steps->began_us ? (uint64_t)(steps->ready_us - steps->began_us) : 0);
    json_open_array(&writer, "steps");
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->steps[i];
        int64_t start = step->start_us - steps->began_us, took = step->end_us - step->start_us;
        json_open_object(&writer, NULL);
        json_put_text(&writer, "name", step->name);
        json_put_number(&writer, "start_us", start > 0 ? (uint64_t)start : 0);
        json_put_number(&writer, "took_us", took > 0 ? (uint64_t)took : 0);
        json_put_text(&writer, "result", step->result);
        json_put_text(&writer, "detail", step->detail);
        json_close_object(&writer);
    }
    json_close_array(&writer);
    json_close_object(&writer);
    fputc('\n', stdout);
}

/* Text from the file, so that it is nothing but text in the picture too. */
static void put_xml(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

void boot_svg(const struct steps *steps, FILE *out)
{
    enum { LEFT = 150, WIDTH = 700, ROW = 22, TOP = 40 };
    int64_t whole = end_of(steps) - steps->began_us;
    char time[40];
    fprintf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" font-family=\"sans-serif\" "
        "font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
        "<text x=\"10\" y=\"24\" font-size=\"15\">Boot of Lodge: %s in all</text>\n",
        LEFT + WIDTH + 350, TOP + (steps->count + 1) * ROW, milliseconds(whole, time, sizeof(time)));
    for (size_t i = 0; i < steps->count; i++) {
        const struct step *step = &steps->steps[i];
        double start = (double)(step->start_us - steps->began_us) / (double)whole * WIDTH;
        double took = step->end_us > step->start_us ? (double)(step->end_us - step->start_us) : 0;
        double width = took / (double)whole * WIDTH < 1 ? 1 : took / (double)whole * WIDTH;
        size_t y = TOP + i * ROW;
        const char *colour = colour_of(step->result);
        fprintf(out, "<text x=\"%d\" y=\"%zu\" text-anchor=\"end\">", LEFT - 8, y + 15);
        put_xml(out, step->name);
        fprintf(out, "</text>\n<rect x=\"%.1f\" y=\"%zu\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n",
                LEFT + start, y + 3, width, ROW - 6,
                colour == NULL              ? "#3a7"
                : strcmp(colour, "31") == 0 ? "#c33"
                                            : "#d90");
        fprintf(out, "<text x=\"%.1f\" y=\"%zu\">%s ", LEFT + start + width + 6, y + 15,
                milliseconds((int64_t)took, time, sizeof(time)));
        put_xml(out, step->result);
        fputs("</text>\n", out);
    }
    fputs("</svg>\n", out);
}

static enum ctl_exit load(const char *path, const char *config, struct steps *steps_r)
{
    static char text[FILE_MOST];
    FILE *in = fopen(path, "re");
    if (in == NULL) {
        ctl_say("%s: %s. Lodge has not been started with %s yet.", path, strerror(errno), config);
        return CTL_UNREACHABLE;
    }
    text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
    fclose(in);
    if (steps_parse(steps_r, text))
        return CTL_DONE;
    ctl_say("%s is not what a lodge-smss of this version writes.", path);
    return CTL_FAILED;
}

enum ctl_exit ctl_boot(const struct ctl_arguments *arguments, const struct conf *conf)
{
    static struct steps steps;
    char path[CONF_TEXT_MAX + 16];
    enum ctl_exit result =
        load(conf_run_path(conf, STEPS_FILE, path, sizeof(path)), arguments->config, &steps);
    if (result != CTL_DONE)
        return result;
    if ((arguments->options & CTL_BIT(JSON)) != 0)
        print_json(&steps);
    else if ((arguments->options & CTL_BIT(SVG)) != 0)
        boot_svg(&steps, stdout);
    else
        print_table(&steps);
    return CTL_DONE;
}
