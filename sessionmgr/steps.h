/* The steps of the boot: what each did, how long it took, and what came of it. lodgectl boot shows them from
 * the file RUN/boot. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"

#define STEPS_MOST         24
#define STEP_NAME_ROOM     24
#define STEP_RESULT_ROOM   12
#define STEP_DETAIL_ROOM   160
#define STEPS_FILE         "boot"
#define STEPS_FILE_VERSION "lodge-boot 1"

/* Results of a step: "done"; "none": there was nothing to do; and of one that failed what came of that:
 * "ignored", "degraded", "stopped". "" while it goes on. Times are in microseconds of the monotonic clock. */
struct step {
    char name[STEP_NAME_ROOM], result[STEP_RESULT_ROOM], detail[STEP_DETAIL_ROOM];
    int64_t start_us, end_us;
};

struct steps {
    int64_t began_us, began_ms; /* monotonic, and since 1970 */
    int64_t ready_us;           /* 0: logons are not accepted yet */
    bool stopped;
    size_t count;
    struct step steps[STEPS_MOST];
};

int64_t steps_now_us(void);
void steps_start(struct steps *steps_r);
/* Begins a step, which ends with steps_end. */
void steps_begin(struct steps *steps, const char *name);
/* Ends the one that was begun last. */
void steps_end(struct steps *steps, const char *result, const char *detail);
/* Adds one that is over. */
void steps_add(struct steps *steps, const struct step *step);
/* "ignored", "degraded" or "stopped". */
const char *steps_failure(enum conf_answer answer);
/* True when a step left the server degraded. */
bool steps_are_degraded(const struct steps *steps);
/* Writes the file into the run directory, as a whole or not at all. 0 or a negative errno. */
int steps_save(const struct steps *steps, const struct conf *conf);
/* Reads such a file. Returns false when it is none. */
bool steps_parse(struct steps *steps_r, const char *text);
/* Reads "NAME START_US END_US RESULT DETAIL" in a line's `text`, which is changed. */
bool steps_parse_step(struct step *step_r, char *text);
