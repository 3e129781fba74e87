#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "ctl/commands.h"
#include "logon/accounts.h"

#define WORDS_MAX 64 /* more than any command has, and of a text enough */

static const struct {
    const char *word;
    bool has_argument;
} options[] = {
#define OPTION_ROW(symbol, word, argument, help) [CTL_OPTION_##symbol] = {word, (argument) != NULL},
    CTL_OPTIONS(OPTION_ROW)
#undef OPTION_ROW
};

struct parse {
    struct ctl_arguments *arguments;
    int argc, at;
    char **argv;
    const char *words[WORDS_MAX];
    size_t word_count;
    char *error;
    size_t error_size;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct parse *parse, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parse->error, parse->error_size, format, arguments);
    va_end(arguments);
    return false;
}

/* Finds the option that `text` names, alone or as WORD=VALUE, then with *value_r behind the equals sign. */
static int find_option(const char *text, const char **value_r)
{
    for (int i = 0; i < CTL_OPTION_COUNT_OF; i++) {
        size_t length = strlen(options[i].word);
        if (strncmp(text, options[i].word, length) != 0)
            continue;
        if (text[length] == '\0' || (text[length] == '=' && strncmp(text, "--", 2) == 0)) {
            *value_r = text[length] == '=' ? text + length + 1 : NULL;
            return i;
        }
    }
    return -1;
}

static bool take_value(struct parse *parse, int option, const char *value)
{
    struct ctl_arguments *arguments = parse->arguments;
    long number;
    arguments->values[option] = value;
    switch (option) {
    case CTL_OPTION_CONFIG:
        arguments->config = value;
        return true;
    case CTL_OPTION_FULL_NAME:
        arguments->full_name = value;
        return true;
    case CTL_OPTION_STATE:
        arguments->state = value;
        return true;
    case CTL_OPTION_USER:
        arguments->user = value;
        return true;
    case CTL_OPTION_CLIENT:
        arguments->client = value;
        return true;
    case CTL_OPTION_SORT:
        arguments->sort = value;
        return true;
    case CTL_OPTION_TITLE:
        arguments->title = value;
        return true;
    case CTL_OPTION_TIMEOUT:
        if (!text_number(value, 1, CTL_TIMEOUT_MAX, &number))
            return refuse(parse, "--timeout takes seconds from 1 to %d, not \"%s\"", CTL_TIMEOUT_MAX, value);
        arguments->timeout_s = (uint32_t)number;
        return true;
    case CTL_OPTION_EXPIRES:
        if (!accounts_day_parse(value, &arguments->expires_day))
            return refuse(parse, "--expires takes a day as 2026-12-31, or never, not \"%s\"", value);
        return true;
    case CTL_OPTION_COUNT:
        if (!text_number(value, 1, CTL_COUNT_MAX, &number))
            return refuse(parse, "-n takes a number from 1 to %d, not \"%s\"", CTL_COUNT_MAX, value);
        arguments->count = (uint32_t)number;
        return true;
    default: /* what takes it says what is wrong with it */
        return true;
    }
}

static bool take_option(struct parse *parse)
{
    const char *text = parse->argv[parse->at++], *value;
    int option = find_option(text, &value);
    if (option < 0)
        return refuse(parse, "there is no option \"%s\"", text);
    if ((parse->arguments->options & UINT64_C(1) << option) != 0)
        return refuse(parse, "%s is there twice", options[option].word);
    parse->arguments->options |= UINT64_C(1) << option;
    if (!options[option].has_argument)
        return value == NULL ? true : refuse(parse, "%s takes no value", options[option].word);
    if (value == NULL && parse->at < parse->argc)
        value = parse->argv[parse->at++];
    if (value == NULL)
        return refuse(parse, "%s lacks its value", options[option].word);
    return take_value(parse, option, value);
}

static bool take_all(struct parse *parse)
{
    bool words_only = false;
    while (parse->at < parse->argc) {
        const char *text = parse->argv[parse->at];
        if (!words_only && strcmp(text, "--") == 0) {
            words_only = true;
            parse->at++;
        } else if (!words_only && text[0] == '-' && text[1] != '\0') {
            if (!take_option(parse))
                return false;
        } else if (parse->word_count == WORDS_MAX) {
            return refuse(parse, "\"%s\" is one argument too many", text);
        } else {
            parse->words[parse->word_count++] = text;
            parse->at++;
        }
    }
    return true;
}

/* The number of words of `name` when the words at the front are those, else 0. */
static size_t match(const struct parse *parse, const char *name)
{
    const char *space = strchr(name, ' ');
    if (space == NULL)
        return parse->word_count >= 1 && strcmp(parse->words[0], name) == 0 ? 1 : 0;
    size_t length = (size_t)(space - name);
    return parse->word_count >= 2 && strlen(parse->words[0]) == length &&
                   strncmp(parse->words[0], name, length) == 0 && strcmp(parse->words[1], space + 1) == 0
               ? 2
               : 0;
}

static bool takes_user(enum ctl_operand operand)
{
    return operand == CTL_OPERAND_SESSION || operand == CTL_OPERAND_MESSAGE;
}

/* The words from `first` on, with a blank between them. */
static bool take_text(struct parse *parse, size_t first)
{
    char *text = parse->arguments->text;
    size_t used = 0;
    for (size_t i = first; i < parse->word_count; i++) {
        int more = snprintf(text + used, CTL_TEXT_ROOM - used, "%s%s", i > first ? " " : "", parse->words[i]);
        if (more < 0 || used + (size_t)more >= CTL_TEXT_ROOM)
            return refuse(parse, "the text is longer than %d bytes", CTL_TEXT_ROOM - 1);
        used += (size_t)more;
    }
    return true;
}

static bool take_operand(struct parse *parse, const char *text)
{
    long number;
    enum ctl_operand operand = parse->arguments->command->operand;
    bool number_like = text_number(text, 0, LONG_MAX, &number);
    if (operand != CTL_OPERAND_ID && operand != CTL_OPERAND_PROCESS &&
        !(takes_user(operand) && number_like)) {
        parse->arguments->name = text;
        return true;
    }
    if (!text_number(text, 1, UINT16_MAX, &number))
        return refuse(parse, "\"%s\" is no session ID (1 to 65535); lodgectl list shows them", text);
    parse->arguments->id = (uint16_t)number;
    return true;
}

static bool take_pid(struct parse *parse, const char *text)
{
    long number;
    if (!text_number(text, 1, INT32_MAX, &number))
        return refuse(parse, "\"%s\" is no number of a process; lodgectl processes ID shows them", text);
    parse->arguments->pid = (uint32_t)number;
    return true;
}

/* Only the options that the command takes are there, and all that it must have. */
static bool check_options(struct parse *parse)
{
    const struct ctl_command *command = parse->arguments->command;
    uint64_t there = parse->arguments->options;
    uint64_t allowed = command->options | CTL_BIT(CONFIG) | CTL_BIT(HELP) | CTL_BIT(VERSION);
    uint64_t required = (there & (CTL_BIT(HELP) | CTL_BIT(VERSION))) != 0 ? 0 : command->required;
    for (int i = 0; i < CTL_OPTION_COUNT_OF; i++) {
        if ((there & ~allowed & UINT64_C(1) << i) != 0)
            return refuse(parse, "%s does not take %s", command->name, options[i].word);
        if ((required & ~there & UINT64_C(1) << i) != 0)
            return refuse(parse, "%s lacks %s", command->name, options[i].word);
    }
    return true;
}

static const char *operand_name(enum ctl_operand operand)
{
    static const char *const names[] = {[CTL_OPERAND_NONE] = "",
                                        [CTL_OPERAND_ID] = "session ID",
                                        [CTL_OPERAND_NAME] = "account name",
                                        [CTL_OPERAND_SESSION] = "session ID or user",
                                        [CTL_OPERAND_MESSAGE] = "session ID or user, or its text",
                                        [CTL_OPERAND_HOLDER] = "holder: a user or a device",
                                        [CTL_OPERAND_OLD] = "words",
                                        [CTL_OPERAND_PROCESS] = "session ID, or the number of a process",
                                        [CTL_OPERAND_LISTENER] =
                                            "listener; lodgectl listener list names them",
                                        [CTL_OPERAND_PATH] = "path",
                                        [CTL_OPERAND_PATHS] = "path, or the one that it becomes",
                                        [CTL_OPERAND_OPERATION] = "number, or all",
                                        [CTL_OPERAND_SUBSYSTEM] = "subsystem"};
    return names[operand];
}

/* The second word of a command of two words whose first one is `word`; NULL: it is another one. */
static const char *second_word(const struct ctl_command *command, const char *word)
{
    size_t length = strlen(word);
    return strncmp(command->name, word, length) == 0 && command->name[length] == ' '
               ? command->name + length + 1
               : NULL;
}

static bool is_first_word(const char *word)
{
    for (size_t i = 0; i < ctl_command_count; i++) {
        if (second_word(&ctl_commands[i], word) != NULL)
            return true;
    }
    return false;
}

/* There is no such command. What may follow its first word is said where that is right. */
static bool refuse_command(struct parse *parse)
{
    const char *first = parse->words[0], *second = parse->word_count > 1 ? parse->words[1] : "";
    char seconds[128] = "";
    for (size_t i = 0; i < ctl_command_count; i++) {
        const char *next = second_word(&ctl_commands[i], first);
        size_t used = strlen(seconds);
        if (next != NULL)
            snprintf(seconds + used, sizeof(seconds) - used, "%s%s", used > 0 ? ", " : "", next);
    }
    if (seconds[0] != '\0')
        return refuse(parse, "after \"%s\" comes one of %s", first, seconds);
    return refuse(parse, "there is no command \"%s%s%s\"", first, second[0] != '\0' ? " " : "", second);
}

static bool take_old(struct parse *parse, size_t first)
{
    size_t count = parse->word_count - first;
    if (count >= CTL_OLD_ROOM)
        return refuse(parse, "\"%s\" is one argument too many", parse->words[first + CTL_OLD_ROOM - 1]);
    for (size_t i = 0; i < count; i++)
        parse->arguments->old[i] = parse->words[first + i];
    return true;
}

static bool take_command(struct parse *parse)
{
    size_t used = 0;
    for (size_t i = 0; i < ctl_command_count && used == 0; i++) {
        used = match(parse, ctl_commands[i].name);
        parse->arguments->command = used > 0 ? &ctl_commands[i] : NULL;
    }
    const struct ctl_command *command = parse->arguments->command;
    if (command == NULL)
        return refuse_command(parse);
    if (!check_options(parse))
        return false;
    if ((parse->arguments->options & (CTL_BIT(HELP) | CTL_BIT(VERSION))) != 0)
        return true;
    if (command->operand == CTL_OPERAND_OLD)
        return take_old(parse, used);
    bool text = command->operand == CTL_OPERAND_MESSAGE;
    bool process = command->operand == CTL_OPERAND_PROCESS, paths = command->operand == CTL_OPERAND_PATHS;
    size_t want = command->operand == CTL_OPERAND_NONE ? 0 : text || process || paths ? 2 : 1;
    if (parse->word_count - used > want && !text)
        return refuse(parse, "\"%s\" is one argument too many", parse->words[used + want]);
    if (parse->word_count - used < want && command->operand == CTL_OPERAND_MODE)
        return true;
    if (parse->word_count - used < want)
        return refuse(parse, "%s lacks its %s", command->name, operand_name(command->operand));
    if (want > 0 && !take_operand(parse, parse->words[used]))
        return false;
    if (process)
        return take_pid(parse, parse->words[used + 1]);
    return (!text && !paths) || take_text(parse, used + 1);
}

bool ctl_arguments_parse(struct ctl_arguments *arguments_r, int argc, char **argv, char *error,
                         size_t error_size)
{
    struct ctl_arguments arguments = {.config = CONF_DEFAULT_FILE,
                                      .full_name = "",
                                      .count = CTL_COUNT_DEFAULT,
                                      .expires_day = ACCOUNT_NEVER};
    struct parse parse = {.arguments = &arguments,
                          .argc = argc,
                          .at = 1,
                          .argv = argv,
                          .error = error,
                          .error_size = error_size};
    if (!take_all(&parse))
        return false;
    if (parse.word_count > 0 && strcmp(parse.words[0], "license") == 0)
        parse.words[0] = "licence"; /* the other spelling */
    bool alone = (arguments.options & (CTL_BIT(HELP) | CTL_BIT(VERSION))) != 0;
    if (parse.word_count == 0 && !alone)
        return refuse(&parse, "what is to be done?");
    if (parse.word_count > 0 && !(alone && is_first_word(parse.words[0]) && parse.word_count == 1) &&
        !take_command(&parse))
        return false;
    *arguments_r = arguments;
    return true;
}
