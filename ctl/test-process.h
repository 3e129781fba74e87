/* Running a program in tests: what it wrote and how it ended, under a deadline. Failures end the test. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PROCESS_TEXT_MAX 262144
#define PROCESS_WORDS    16
#define PROCESS_WAIT_MS  60000

struct process_result {
    int exit_code; /* 128 + signal where it was ended by one */
    char out[PROCESS_TEXT_MAX], error[PROCESS_TEXT_MAX];
};

/* Runs words[0] with these arguments (NULL ends them), `input` on standard input, as `uid`, and waits. The
 * result is static: the next call overwrites it. */
const struct process_result *process_run(const char *const *words, const char *input, uid_t uid);

/* A program on a terminal of its own. */
struct process_terminal {
    int fd; /* the other end of its terminal */
    pid_t pid;
    char seen[8192]; /* all that it has written */
    size_t mark;     /* how much of that has been waited for */
    size_t size;
};

void process_terminal_start(struct process_terminal *terminal, const char *const *words);
/* Waits until `text` is there in what was written after the last text waited for. */
void process_terminal_await(struct process_terminal *terminal, const char *text);
void process_terminal_type(struct process_terminal *terminal, const char *text);
/* Waits for the end. Returns the exit code as above. */
int process_terminal_finish(struct process_terminal *terminal);
