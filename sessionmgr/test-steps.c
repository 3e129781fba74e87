#include "sessionmgr/steps.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/check.h"

static void test_round_trip(void)
{
    static struct steps steps, read_back;
    struct conf conf = {0};
    char text[8192] = "", folder[] = "/tmp/test-steps-XXXXXX", path[300];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(conf.run_directory, sizeof(conf.run_directory), "%s", folder);
    steps_start(&steps);
    steps_begin(&steps, "users");
    steps_end(&steps, "done", "");
    steps_begin(&steps, "DosDevices");
    steps_end(&steps, steps_failure(CONF_DEGRADED), "COM1 leads\nnowhere");
    steps_begin(&steps, "broker");
    CHECK(steps_save(&steps, &conf) == 0 && steps_save(&steps, &conf) == 0);
    snprintf(path, sizeof(path), "%s/boot", folder);
    struct stat status;
    CHECK(stat(path, &status) == 0 && (status.st_mode & 0777) == 0644);
    FILE *in = fopen(path, "r");
    CHECK(in != NULL && fread(text, 1, sizeof(text) - 1, in) > 0);
    fclose(in);
    CHECK(unlink(path) == 0 && rmdir(folder) == 0);
    CHECK(steps_parse(&read_back, text));
    CHECK(read_back.count == 3 && read_back.began_us == steps.began_us &&
          read_back.began_ms == steps.began_ms);
    CHECK_TEXT(read_back.steps[1].detail, "COM1 leads\\x0anowhere");
    CHECK_TEXT(read_back.steps[2].result, "running");
    CHECK(read_back.steps[0].start_us == steps.steps[0].start_us &&
          read_back.steps[0].end_us >= read_back.steps[0].start_us);
    CHECK(steps_are_degraded(&read_back) && !read_back.stopped);
    CHECK(steps_save(&steps, &conf) < 0);
}

static void test_refusals(void)
{
    static struct steps steps;
    static const char *const bad[] = {"",
                                      "lodge-boot 2\n",
                                      "lodge-boot 1\nstep a 1 2 done\n",
                                      "lodge-boot 1\nstep a 1 x done d\n",
                                      "lodge-boot 1\nstep a 1 2 what d\n",
                                      "lodge-boot 1\nother 1\n",
                                      "lodge-boot 1\nbegan\n",
                                      "lodge-boot 1\nstep  1 2 done d\n",
                                      "lodge-boot 1\nbegan 1 2 3\n",
                                      "lodge-boot 1\nstep a-name-that-is-far-too-long 1 2 done d\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(!steps_parse(&steps, bad[i]));
    CHECK(steps_parse(&steps, "lodge-boot 1\nstep a 1 2 stopped \nready 7\n"));
    CHECK(steps.stopped && steps.ready_us == 7);
}

/* More steps than there is room for: the last one's end is still told. */
static void test_bound(void)
{
    static struct steps steps;
    steps_start(&steps);
    for (int i = 0; i < STEPS_MOST + 5; i++) {
        steps_begin(&steps, "many");
        steps_end(&steps, i == STEPS_MOST + 4 ? "stopped" : "done", "");
    }
    CHECK(steps.count == STEPS_MOST && steps.stopped);
    CHECK_TEXT(steps.steps[STEPS_MOST - 1].result, "stopped");
}

int main(void)
{
    test_round_trip();
    test_refusals();
    test_bound();
    return 0;
}
