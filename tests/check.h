/* Checks for unit tests: a failed one says where and what, and ends the test. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(expression)                                                                          \
    do {                                                                                           \
        if (!(expression)) {                                                                       \
            fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, __func__, #expression); \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#define CHECK_TEXT(got, want)                                                                     \
    do {                                                                                          \
        const char *check_got = (got), *check_want = (want);                                      \
        if (check_got == NULL || strcmp(check_got, check_want) != 0) {                            \
            fprintf(stderr, "%s:%d: %s: got \"%s\", want \"%s\"\n", __FILE__, __LINE__, __func__, \
                    check_got ? check_got : "(null)", check_want);                                \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)
