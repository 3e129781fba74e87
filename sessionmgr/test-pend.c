/* The queue of renames and deletes, with kills between any two of its steps. */
#include "sessionmgr/pend.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sessionmgr/pend-file.h"
#include "tests/check.h"

static char base[] = "/var/tmp/test-pend-XXXXXX";
static struct conf conf;
static unsigned over_count, over_failed;
static char last_problem[1500];

static const char *at(const char *name)
{
    static char paths[4][300];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", base, name);
    return path;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(at(name), "w");
    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* The file's text, "" when there is none. */
static const char *get(const char *name)
{
    static char text[100];
    FILE *file = fopen(at(name), "r");
    text[0] = '\0';
    if (file == NULL)
        return text;
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void over(const struct pend_op *op, const char *problem, void *context)
{
    (void)op;
    (void)context;
    over_count++;
    over_failed += problem[0] != '\0';
    snprintf(last_problem, sizeof(last_problem), "%s", problem);
}

static int run_with(bool stop, void (*between)(void *context), void *context)
{
    struct pend pend;
    struct pend_run run = {.stop = stop, .over = over, .between = between, .context = context};
    char error[400] = "";
    over_count = over_failed = 0;
    last_problem[0] = '\0';
    CHECK(pend_open(&pend, &conf, true, error, sizeof(error)));
    int failed = pend_run(&pend, &run, error, sizeof(error));
    pend_close(&pend);
    return failed;
}

static void add(const char *from, const char *to)
{
    struct pend pend;
    char error[2000] = "";
    uint32_t id;
    CHECK(pend_open(&pend, &conf, true, error, sizeof(error)));
    CHECK(pend_add(&pend, at(from), to != NULL ? at(to) : NULL, &id, error, sizeof(error)));
    pend_close(&pend);
}

static size_t queued(void)
{
    struct pend pend;
    char error[400] = "";
    CHECK(pend_open(&pend, &conf, false, error, sizeof(error)));
    size_t count = pend.count;
    pend_close(&pend);
    return count;
}

static void die_at(void *context)
{
    unsigned *left = context;
    if ((*left)-- == 0)
        _exit(42);
}

/* The queue of the test: each file's text says where it was. */
static void prepare(void)
{
    put("a", "a");
    put("b", "b");
    put("c", "c");
    add("a", "b");
    add("c", NULL);
    add("b", "c");
}

/* Killed at its step number `step`, then whole. Returns false when there is no such step. */
static bool kill_at(unsigned step)
{
    int status;
    prepare();
    pid_t child = fork();
    if (child == 0) {
        run_with(false, die_at, &step);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    bool killed = WEXITSTATUS(status) == 42;
    CHECK(run_with(false, NULL, NULL) == 0);
    CHECK_TEXT(get("c"), "a");
    CHECK(access(at("a"), F_OK) != 0 && access(at("b"), F_OK) != 0);
    CHECK(queued() == 0 && unlink(at("c")) == 0);
    return killed;
}

static void test_kills(void)
{
    unsigned step = 0;
    while (kill_at(step))
        step++;
    CHECK(step == 9); /* three of each operation */
}

/* Renamed, and killed before that left the queue: a new file of the old name is not its business. */
static void test_not_twice(void)
{
    unsigned step = 1;
    int status;
    put("a", "old");
    add("a", "b");
    pid_t child = fork();
    if (child == 0) {
        run_with(false, die_at, &step);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 42);
    CHECK_TEXT(get("b"), "old");
    put("a", "new");
    CHECK(run_with(false, NULL, NULL) == 0 && queued() == 0);
    CHECK_TEXT(get("a"), "new");
    CHECK_TEXT(get("b"), "old");
    CHECK(unlink(at("a")) == 0 && unlink(at("b")) == 0);
}

static void test_failures(void)
{
    put("b", "b");
    add("missing", "x");
    add("b", "a");
    CHECK(run_with(true, NULL, NULL) == 1 && over_count == 1 && queued() == 2);
    CHECK(strstr(last_problem, "missing: No such file or directory") != NULL);
    CHECK(access(at("b"), F_OK) == 0);
    CHECK(run_with(false, NULL, NULL) == 1 && over_count == 2 && over_failed == 1 && queued() == 0);
    CHECK_TEXT(get("a"), "b");
    /* a folder that is full stays, an empty one goes */
    CHECK(mkdir(at("full"), 0700) == 0 && mkdir(at("empty"), 0700) == 0);
    put("full/x", "x");
    add("full", NULL);
    add("empty", NULL);
    CHECK(run_with(false, NULL, NULL) == 1 && access(at("full/x"), F_OK) == 0);
    CHECK(access(at("empty"), F_OK) != 0);
    /* two names of one file become one */
    CHECK(link(at("a"), at("same")) == 0);
    add("a", "same");
    CHECK(run_with(false, NULL, NULL) == 0 && access(at("a"), F_OK) != 0);
    CHECK_TEXT(get("same"), "b");
}

static void test_links(void)
{
    char outside[] = "/var/tmp/test-pend-out-XXXXXX", victim[100];
    CHECK(mkdtemp(outside) != NULL);
    snprintf(victim, sizeof(victim), "%s/victim", outside);
    FILE *file = fopen(victim, "w");
    CHECK(file != NULL && fclose(file) == 0);
    CHECK(symlink(outside, at("way")) == 0 && symlink(victim, at("link")) == 0);
    put("mine", "mine");
    add("way/victim", NULL);
    add("mine", "way/stolen");
    add("mine", "link"); /* replaces the link itself */
    CHECK(run_with(false, NULL, NULL) == 2 && queued() == 0);
    CHECK(access(victim, F_OK) == 0);
    CHECK_TEXT(get("link"), "mine");
    struct stat status;
    CHECK(stat(victim, &status) == 0 && status.st_size == 0);
    CHECK(unlink(victim) == 0 && rmdir(outside) == 0);
}

static void refused(const char *path)
{
    char problem[2000] = "", roots[400];
    snprintf(roots, sizeof(roots), "%s:/etc/lodge/", base);
    CHECK(!pend_file_check(roots, path, problem, sizeof(problem)) && problem[0] != '\0');
}

static void test_paths(void)
{
    char problem[2000], roots[400], path[400];
    snprintf(roots, sizeof(roots), "%s:/etc/lodge/", base);
    CHECK(pend_file_check(roots, "/etc/lodge/x", problem, sizeof(problem)));
    CHECK(pend_file_check(roots, at("..x/...y"), problem, sizeof(problem)));
    static const char *const bad[] = {"",
                                      "x",
                                      "/",
                                      "/etc/passwd",
                                      "/etc/lodge",
                                      "/etc/lodge/",
                                      "/etc/lodge//x",
                                      "/etc/lodge/../x",
                                      "/etc/lodge/./x",
                                      "/etc/lodgex/y",
                                      "/etc/lodge/a\tb",
                                      "/etc/lodge/a\nb",
                                      "/etc/lodge/.."};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        refused(bad[i]);
    snprintf(path, sizeof(path), "%s/" PEND_FILE ".lock", base);
    refused(path);
}

static void test_queue(void)
{
    struct pend pend;
    char error[400] = "";
    uint32_t id;
    add("p", "q");
    add("q", NULL);
    CHECK(pend_open(&pend, &conf, true, error, sizeof(error)) && pend.count == 2);
    CHECK(!pend_cancel(&pend, 999, error, sizeof(error)));
    CHECK(pend_cancel(&pend, pend.ops[0].id, error, sizeof(error)) && pend.count == 1);
    CHECK(!pend_add(&pend, at("p"), at("p"), &id, error, sizeof(error)));
    CHECK(pend_cancel(&pend, 0, error, sizeof(error)) && pend.count == 0);
    for (int i = 0; i < PEND_MOST; i++)
        CHECK(pend_add(&pend, at("p"), NULL, &id, error, sizeof(error)));
    CHECK(!pend_add(&pend, at("p"), NULL, &id, error, sizeof(error)));
    CHECK(pend_cancel(&pend, 0, error, sizeof(error)));
    pend_close(&pend);
    static const char *const damaged[] = {"x\n", "1\t-\t/a\n", "1\t-\t/a\t\t\n", "0\t-\t/a\t\n",
                                          "1\t-\t/a\t"};
    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        put(PEND_FILE, damaged[i]);
        CHECK(!pend_open(&pend, &conf, false, error, sizeof(error)));
        CHECK(strstr(error, "damaged") != NULL);
    }
    put(PEND_FILE, "");
    CHECK(chmod(at(PEND_FILE), 0666) == 0 && !pend_open(&pend, &conf, false, error, sizeof(error)));
    CHECK(unlink(at(PEND_FILE)) == 0);
}

int main(void)
{
    CHECK(mkdtemp(base) != NULL);
    conf_defaults(&conf);
    snprintf(conf.state_directory, sizeof(conf.state_directory), "%s", base);
    test_kills();
    test_not_twice();
    test_failures();
    test_links();
    test_paths();
    test_queue();
    char command[200];
    snprintf(command, sizeof(command), "rm -r %s", base);
    CHECK(system(command) == 0);
    return 0;
}
