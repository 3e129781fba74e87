#include "sessionmgr/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/packet.h"
#include "common/text.h"

#define FILE_ROOM (STEPS_MOST * (sizeof(struct step) + 32) + 128)

static const char *const results[] = {"done", "none", "ignored", "degraded", "stopped", "running"};

int64_t steps_now_us(void)
{
    return clock_monotonic_ns() / 1000;
}

void steps_start(struct steps *steps_r)
{
    *steps_r = (struct steps){.began_us = steps_now_us(), .began_ms = clock_real_ms()};
}

void steps_begin(struct steps *steps, const char *name)
{
    struct step step = {.start_us = steps_now_us()};
    text_copy(step.name, sizeof(step.name), name);
    steps_add(steps, &step);
}

void steps_end(struct steps *steps, const char *result, const char *detail)
{
    struct step *step = &steps->steps[steps->count - 1];
    step->end_us = steps_now_us();
    text_copy(step->result, sizeof(step->result), result);
    text_escape(step->detail, sizeof(step->detail), detail);
    steps->stopped |= strcmp(result, "stopped") == 0;
}

void steps_add(struct steps *steps, const struct step *step)
{
    if (steps->count == STEPS_MOST) /* the last one's place: it says how it ended */
        steps->count--;
    steps->steps[steps->count++] = *step;
    steps->stopped |= strcmp(step->result, "stopped") == 0;
}

const char *steps_failure(enum conf_answer answer)
{
    static const char *const words[] = {
        [CONF_IGNORE] = "ignored", [CONF_DEGRADED] = "degraded", [CONF_STOP] = "stopped"};
    return words[answer];
}

bool steps_are_degraded(const struct steps *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        if (strcmp(steps->steps[i].result, "degraded") == 0)
            return true;
    }
    return false;
}

static size_t print(const struct steps *steps, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, STEPS_FILE_VERSION "\nbegan %" PRId64 " %" PRId64 "\n",
                                   steps->began_us, steps->began_ms);
    for (size_t i = 0; i < steps->count && used < size; i++) {
        const struct step *step = &steps->steps[i];
        used += (size_t)snprintf(text + used, size - used, "step %s %" PRId64 " %" PRId64 " %s %s\n",
                                 step->name, step->start_us, step->end_us,
                                 step->result[0] != '\0' ? step->result : "running", step->detail);
    }
    if (used < size)
        used += (size_t)snprintf(text + used, size - used, "ready %" PRId64 "\n", steps->ready_us);
    return used < size ? used : size - 1;
}

int steps_save(const struct steps *steps, const struct conf *conf)
{
    char path[CONF_TEXT_MAX + 16], fresh[CONF_TEXT_MAX + 20], text[FILE_ROOM];
    conf_run_path(conf, STEPS_FILE, path, sizeof(path));
    snprintf(fresh, sizeof(fresh), "%s.new", path);
    size_t size = print(steps, text, sizeof(text));
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    int failed = 0;
    if (fd < 0 || write(fd, text, size) != (ssize_t)size || rename(fresh, path) != 0)
        failed = errno != 0 ? -errno : -EIO;
    close_descriptor(&fd);
    return failed;
}

static bool is_result(const char *word)
{
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
        if (strcmp(results[i], word) == 0)
            return true;
    }
    return false;
}

bool steps_parse_step(struct step *step_r, char *text)
{
    struct step step = {0};
    char *words[5];
    long start, end;
    for (size_t i = 0; i < 5; i++) {
        words[i] = i < 4 ? strsep(&text, " ") : text;
        if (words[i] == NULL)
            return false;
    }
    if (!text_number(words[1], 0, LONG_MAX, &start) || !text_number(words[2], 0, LONG_MAX, &end) ||
        !is_result(words[3]) || words[0][0] == '\0' || !text_is_printable(words[0]) ||
        !text_copy(step.name, sizeof(step.name), words[0]))
        return false;
    text_copy(step.result, sizeof(step.result), words[3]);
    text_escape(step.detail, sizeof(step.detail), words[4]);
    step.start_us = start;
    step.end_us = end;
    *step_r = step;
    return true;
}

static bool parse_line(struct steps *steps, char *line)
{
    struct step step;
    long first, second = 0;
    char *word = strsep(&line, " ");
    if (line == NULL)
        return false;
    if (strcmp(word, "step") == 0) {
        if (steps->count == STEPS_MOST || !steps_parse_step(&step, line))
            return false;
        steps_add(steps, &step);
        return true;
    }
    char *number = strsep(&line, " ");
    if (!text_number(number, 0, LONG_MAX, &first) ||
        (line != NULL && !text_number(line, 0, LONG_MAX, &second)))
        return false;
    if (strcmp(word, "began") == 0) {
        steps->began_us = first;
        steps->began_ms = second;
    } else if (strcmp(word, "ready") == 0) {
        steps->ready_us = first;
    } else {
        return false;
    }
    return true;
}

bool steps_parse(struct steps *steps_r, const char *text)
{
    static const char version[] = STEPS_FILE_VERSION "\n";
    char copy[FILE_ROOM], *at = copy, *line;
    struct steps steps = {0};
    if (strncmp(text, version, sizeof(version) - 1) != 0 ||
        !text_copy(copy, sizeof(copy), text + sizeof(version) - 1))
        return false;
    while ((line = strsep(&at, "\n")) != NULL) {
        if (line[0] != '\0' && !parse_line(&steps, line))
            return false;
    }
    *steps_r = steps;
    return true;
}
