/* The manual pages, the example configuration and the completions have what the tables have. */
#include <stdbool.h>
#include <unistd.h>

#include "common/reason.h"
#include "ctl/commands.h"
#include "ctl/help.h"
#include "rpc/lsm.h"
#include "tests/check.h"

#define TEXT_MAX 65536

/* Reads a whole file of the project, given from ctl/ on; the caller frees it. */
static char *load(const char *path)
{
    char *text = calloc(1, TEXT_MAX);
    FILE *in = fopen(path, "r");
    if (in == NULL) {
        fprintf(stderr, "%s is missing\n", path);
        exit(1);
    }
    CHECK(text != NULL);
    size_t size = fread(text, 1, TEXT_MAX - 1, in);
    CHECK(feof(in) && size > 0);
    fclose(in);
    return text;
}

static void need(const char *path, const char *text, const char *want)
{
    if (strstr(text, want) == NULL) {
        fprintf(stderr, "%s lacks \"%s\"\n", path, want);
        exit(1);
    }
}

/* Takes every occurrence of `what` out of `text`. */
static void drop(char *text, const char *what)
{
    size_t length = strlen(what);
    for (char *at = text; (at = strstr(at, what)) != NULL;)
        memmove(at, at + length, strlen(at + length) + 1);
}

/* Each key's paragraph in the manual page names its range and its default. */
static void test_conf_page(void)
{
    static const char path[] = "../docs/man/lodge.conf.5";
    char *page = load(path), want[CONF_TEXT_MAX + 80];
    drop(page, "\\");
    for (size_t i = 0; i < conf_key_count; i++) {
        const struct conf_key *key = &conf_keys[i];
        snprintf(want, sizeof(want), "[%s]", key->section);
        need(path, page, want);
        snprintf(want, sizeof(want), "\n.TP\n.B %s\n", key->key);
        need(path, page, want);
        char *paragraph = strstr(page, want) + strlen(want);
        char *end = strstr(paragraph, "\n.TP\n");
        char *copy = strndup(paragraph, end != NULL ? (size_t)(end - paragraph) : strlen(paragraph));
        CHECK(copy != NULL);
        static const char *const types[] = {
            [CONF_TEXT] = "Text", [CONF_PATH] = "Path",   [CONF_NUMBER] = "Number",
            [CONF_ANSWER] = "",   [CONF_HOURS] = "Hours", [CONF_HOME] = "Path"};
        snprintf(want, sizeof(want), "%s, %ld to %ld%s; default %s.", types[key->type], key->minimum,
                 key->maximum, key->type == CONF_NUMBER ? "" : " bytes",
                 key->initial[0] != '\0' ? key->initial : "empty");
        if (key->type == CONF_ANSWER)
            snprintf(want, sizeof(want), "ignore, degraded or stop; default %s.", key->initial);
        need(key->key, copy, want);
        free(copy);
    }
    free(page);
}

/* "#Key = value" is there for every key; without the # the file is taken, and changes nothing. */
static void test_conf_example(void)
{
    static const char path[] = "../packaging/lodge.conf.example";
    char *text = load(path), want[CONF_TEXT_MAX + 80], error[512] = "";
    struct conf initial, conf;
    conf_defaults(&initial);
    conf = initial;
    CHECK(conf_parse(&conf, path, text, strlen(text), error, sizeof(error)));
    for (size_t i = 0; i < conf_key_count; i++) {
        const struct conf_key *key = &conf_keys[i];
        snprintf(want, sizeof(want), "\n#%s =%s%s\n", key->key, key->initial[0] != '\0' ? " " : "",
                 key->initial);
        need(path, text, want);
        memmove(strstr(text, want) + 1, strstr(text, want) + 2, strlen(strstr(text, want) + 2) + 1);
    }
    if (!conf_parse(&conf, path, text, strlen(text), error, sizeof(error))) {
        fprintf(stderr, "%s\n", error);
        CHECK(false);
    }
    CHECK(memcmp(&conf, &initial, sizeof(conf)) == 0);
    free(text);
}

static void test_ctl_page(void)
{
    static const char path[] = "../docs/man/lodgectl.1";
    char *page = load(path), synopsis[320];
    static const char *const markup[] = {"\\fR", "\\fP", "\\", "\""};
    for (size_t i = 0; i < sizeof(markup) / sizeof(markup[0]); i++)
        drop(page, markup[i]);
    for (char *at = page; (at = strstr(at, "  ")) != NULL;)
        memmove(at, at + 1, strlen(at + 1) + 1);
    for (size_t i = 0; i < ctl_command_count; i++) {
        char want[340];
        /* The tags of the page are one request and then the synopsis, but for the blanks around brackets. */
        ctl_synopsis(&ctl_commands[i], synopsis, sizeof(synopsis));
        snprintf(want, sizeof(want), "%s", synopsis);
        char *flat = strdup(page);
        CHECK(flat != NULL);
        drop(flat, " ");
        drop(want, " ");
        need(path, flat, want);
        free(flat);
    }
    free(page);
}

/* Each command's words, and its options, stand in zsh's completion. */
static void test_zsh(void)
{
    static const char path[] = "../packaging/completions/_lodgectl";
    char *text = load(path), synopsis[320];
    for (size_t i = 0; i < ctl_command_count; i++) {
        char want[80];
        const char *name = ctl_commands[i].name, *space = strchr(name, ' ');
        snprintf(want, sizeof(want), " '%s:", space != NULL ? space + 1 : name);
        need(path, text, want);
        snprintf(want, sizeof(want), space != NULL ? "'%s'" : " %s", name);
        need(path, text, want);
        ctl_synopsis(&ctl_commands[i], synopsis, sizeof(synopsis));
        for (char *word = strtok(synopsis, " []"); word != NULL; word = strtok(NULL, " []")) {
            if (word[0] == '-')
                need(path, text, word);
        }
    }
    free(text);
}

/* What bash's completion of `current` offers after "lodgectl WORDS", each with blanks around it; static. */
static const char *offered(const char *words, const char *current)
{
    static char text[4096];
    char command[600];
    snprintf(command, sizeof(command),
             "bash -c '. ../packaging/completions/lodgectl.bash; COMP_WORDS=(lodgectl %s \"%s\"); "
             "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _lodgectl; printf \" %%s \" \"${COMPREPLY[@]}\"'",
             words, current);
    FILE *in = popen(command, "r");
    CHECK(in != NULL);
    size_t size = fread(text, 1, sizeof(text) - 1, in);
    text[size] = '\0';
    CHECK(pclose(in) == 0);
    return text;
}

static void need_offered(const char *words, const char *current, const char *want)
{
    char padded[80];
    snprintf(padded, sizeof(padded), " %s ", want);
    need(words, offered(words, current), padded);
}

static void test_bash(void)
{
    char synopsis[320], first[40];
    for (size_t i = 0; i < ctl_command_count; i++) {
        const char *name = ctl_commands[i].name, *space = strchr(name, ' ');
        snprintf(first, sizeof(first), "%.*s", (int)strcspn(name, " "), name);
        need_offered("", "", first);
        if (space != NULL)
            need_offered(first, "", space + 1);
        ctl_synopsis(&ctl_commands[i], synopsis, sizeof(synopsis));
        char *rest = NULL;
        for (char *word = strtok_r(synopsis, " []", &rest); word != NULL;
             word = strtok_r(NULL, " []", &rest)) {
            if (word[0] == '-')
                need_offered(name, "-", word);
        }
    }
    CHECK_TEXT(offered("account", "rem"), " remove ");
    CHECK(strstr(offered("--config list", ""), " show ") != NULL); /* a value is no command */
}

/* man finds nothing to complain about. */
static void test_man(void)
{
    static const char *const pages[] = {"lodgectl.1", "liblodge.3", "lodge.conf.5", "lodge-smss.8"};
    if (access("/usr/bin/man", X_OK) != 0)
        return;
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        char command[200], said[1000];
        snprintf(command, sizeof(command),
                 "LC_ALL=C.UTF-8 MANROFFSEQ= man --warnings -E UTF-8 -Tutf8 -Z -l ../docs/man/%s 2>&1 "
                 ">/dev/null",
                 pages[i]);
        FILE *in = popen(command, "r");
        CHECK(in != NULL);
        said[fread(said, 1, sizeof(said) - 1, in)] = '\0';
        CHECK(pclose(in) == 0);
        CHECK_TEXT(said, "");
    }
}

static void test_message(const char *path, const char *text, const ProtobufCMessageDescriptor *type)
{
    char want[80];
    for (unsigned i = 0; i < type->n_fields; i++) {
        snprintf(want, sizeof(want), "`%s`", type->fields[i].name);
        need(path, text, want);
    }
}

/* The API's document has every method, every field of what they give, and every reason with its number. */
static void test_protocol(void)
{
    static const char path[] = "../docs/lsm-protocol.md";
    static const ProtobufCMessageDescriptor *const types[] = {
        &lodge__lsm__session__descriptor,
        &lodge__lsm__client__descriptor,
        &lodge__lsm__event__descriptor,
        &lodge__lsm__version__descriptor,
        &lodge__lsm__attached__descriptor,
        &lodge__lsm__list_request__descriptor,
        &lodge__lsm__events_request__descriptor,
        &lodge__lsm__attach_request__descriptor,
        &lodge__lsm__announce_request__descriptor,
        &lodge__lsm__reloaded__descriptor,
        &lodge__lsm__policy_value__descriptor,
        &lodge__lsm__policy_verdict__descriptor,
        &lodge__lsm__policy_test_request__descriptor,
        &lodge__lsm__policy_user__descriptor,
        &lodge__lsm__take_over_question__descriptor,
        &lodge__lsm__take_over_request__descriptor,
        &lodge__lsm__notices__descriptor,
        &lodge__lsm__notice__descriptor,
        &lodge__lsm__wait_request__descriptor,
        &lodge__lsm__waited__descriptor,
        &lodge__lsm__counters__descriptor,
        &lodge__lsm__load_subsystem_request__descriptor,
        &lodge__lsm__health__descriptor,
        &lodge__lsm__check__descriptor,
        &lodge__lsm__message_request__descriptor,
        &lodge__lsm__message_answer__descriptor,
        &lodge__lsm__licence_pool__descriptor,
        &lodge__lsm__licence_list_request__descriptor,
        &lodge__lsm__licence__descriptor,
        &lodge__lsm__licence_request__descriptor,
        &lodge__lsm__licence_report_request__descriptor,
        &lodge__lsm__licence_day__descriptor,
    };
    char *text = load(path), want[200];
    const ProtobufCMessageDescriptor *request = &lodge__lsm__request__descriptor;
    for (unsigned i = 0; i < request->n_fields; i++) {
        if (strcmp(request->fields[i].name, "serial") == 0)
            continue;
        snprintf(want, sizeof(want), "\n| `%s` | `", request->fields[i].name);
        need(path, text, want);
        snprintf(want, sizeof(want), "**%s**", request->fields[i].name);
        need(path, text, want);
    }
    for (unsigned i = 0; i < lodge__lsm__state__descriptor.n_values; i++)
        need(path, text, lodge__lsm__state__descriptor.values[i].name);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        test_message(path, text, types[i]);
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        snprintf(want, sizeof(want), "\n| %u | `%s` | %s |\n", i, reason_name(i), reason_sentence(i));
        need(path, text, want);
    }
    free(text);
}

int main(void)
{
    test_protocol();
    test_conf_page();
    test_conf_example();
    test_ctl_page();
    test_zsh();
    test_bash();
    test_man();
    return 0;
}
