#include "ctl/help.h"

#include <ctype.h>
#include <string.h>

#define SYNOPSIS_ROOM 320

static const struct {
    const char *word, *argument, *help;
} options[] = {
#define OPTION_ROW(symbol, word, argument, help) [CTL_OPTION_##symbol] = {word, argument, help},
    CTL_OPTIONS(OPTION_ROW)
#undef OPTION_ROW
};

const char *ctl_synopsis(const struct ctl_command *command, char *text, size_t size)
{
    static const char *const operands[] = {[CTL_OPERAND_NONE] = "",
                                           [CTL_OPERAND_ID] = " ID",
                                           [CTL_OPERAND_NAME] = " NAME",
                                           [CTL_OPERAND_MODE] = " [MODE]",
                                           [CTL_OPERAND_SESSION] = " ID|USER",
                                           [CTL_OPERAND_MESSAGE] = " ID|USER TEXT",
                                           [CTL_OPERAND_HOLDER] = " HOLDER",
                                           [CTL_OPERAND_OLD] = " [/WORD...]",
                                           [CTL_OPERAND_PROCESS] = " ID PID",
                                           [CTL_OPERAND_LISTENER] = " LISTENER",
                                           [CTL_OPERAND_PATH] = " PATH",
                                           [CTL_OPERAND_PATHS] = " FROM TO",
                                           [CTL_OPERAND_OPERATION] = " NUMBER|all",
                                           [CTL_OPERAND_SUBSYSTEM] = " SUBSYSTEM"};
    snprintf(text, size, "%s%s", command->name, operands[command->operand]);
    for (size_t i = 0; i < CTL_OPTION_COUNT_OF; i++) {
        size_t used = strlen(text);
        bool optional = (command->required & UINT64_C(1) << i) == 0;
        if ((command->options & UINT64_C(1) << i) != 0)
            snprintf(text + used, size - used, " %s%s%s%s%s", optional ? "[" : "", options[i].word,
                     options[i].argument != NULL ? " " : "",
                     options[i].argument != NULL ? options[i].argument : "", optional ? "]" : "");
    }
    return text;
}

static void option_form(size_t option, char *form, size_t size)
{
    const char *argument = options[option].argument;
    snprintf(form, size, "%s%s%s", options[option].word, argument != NULL ? " " : "",
             argument != NULL ? argument : "");
}

static void print_options(FILE *out, uint64_t bits)
{
    char form[48];
    size_t width = 0;
    for (size_t i = 0; i < CTL_OPTION_COUNT_OF; i++) {
        option_form(i, form, sizeof(form));
        if ((bits & UINT64_C(1) << i) != 0 && strlen(form) > width)
            width = strlen(form);
    }
    for (size_t i = 0; i < CTL_OPTION_COUNT_OF; i++) {
        option_form(i, form, sizeof(form));
        if ((bits & UINT64_C(1) << i) != 0)
            fprintf(out, "  %-*s  %s\n", (int)width, form, options[i].help);
    }
}

static void print_command(const struct ctl_command *command, FILE *out)
{
    char synopsis[SYNOPSIS_ROOM];
    fprintf(out, "Usage: lodgectl %s\n\n%c%s%s.\n", ctl_synopsis(command, synopsis, sizeof(synopsis)),
            toupper(command->help[0]), command->help + 1, command->needs_root ? " (root alone)" : "");
    if (command->options != 0) {
        fputs("\nOptions:\n", out);
        print_options(out, command->options);
    }
}

void ctl_help_print(const struct ctl_command *command, FILE *out)
{
    if (command != NULL) {
        print_command(command, out);
        return;
    }
    fputs("Usage: lodgectl [--config FILE] COMMAND\n\nLooks after the sessions and lab accounts of Lodge.\n\n"
          "Commands:\n",
          out);
    for (size_t i = 0; i < ctl_command_count; i++) {
        char synopsis[SYNOPSIS_ROOM];
        fprintf(out, "  %s\n      %s\n", ctl_synopsis(&ctl_commands[i], synopsis, sizeof(synopsis)),
                ctl_commands[i].help);
    }
    fputs("\nOptions of every command:\n", out);
    print_options(out, CTL_BIT(CONFIG) | CTL_BIT(HELP) | CTL_BIT(VERSION));
    fputs("\nExit codes: 0 done, 1 refused or failed, 2 wrong arguments, 3 the server cannot be reached.\n"
          "The manual is lodgectl(1).\n",
          out);
}
