/* lodge-load: load on a broker with [LoadTest] VirtualSessions, through lsm.port.
 *
 *   lodge-load bench PORT BROKER-PID LEVEL...    measures with so many sessions; see bench-broker
 *   lodge-load hammer PORT USERS LIMIT           100 clients create and log off, for a test of MaxSessions
 */
#include <string.h>

#include "common/text.h"
#include "tests/bench/load-bench.h"
#include "tests/bench/load.h"

static uint32_t number(const char *text)
{
    long value;
    if (!text_number(text, 1, 10000000, &value))
        load_fail("%s is no number", text);
    return (uint32_t)value;
}

int main(int count, char **words)
{
    if (count >= 5 && strcmp(words[1], "bench") == 0) {
        struct bench *bench = bench_begin(words[2], number(words[3]));
        for (int i = 4; i < count; i++)
            bench_level(bench, number(words[i]));
        bench_end(bench);
    } else if (count == 5 && strcmp(words[1], "hammer") == 0) {
        hammer(words[2], number(words[3]), number(words[4]));
    } else {
        load_fail("usage: lodge-load bench PORT BROKER-PID LEVEL... | hammer PORT USERS LIMIT");
    }
    return 0;
}
