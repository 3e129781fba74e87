/* lodge-message: one message box in a session. The display agent starts it; its exit status is the answer
 * (message-style.h). */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/log.h"
#include "common/text.h"
#include "display/message-box.h"
#include "display/message-style.h"
#include "display/message-text.h"

#define STATUS_USAGE  2
#define WORDS_ROOM    4096 /* what comes on standard input */
#define DEFAULT_TITLE "Message"

static const char usage[] =
    "usage: lodge-message --style N --timeout SECONDS\n"
    "Shows a message box in a Lodge session; lodge-display starts it. Title and text,\n"
    "each with a NUL after it, come on standard input.\n"
    "  --style N          buttons and icon, as WTSSendMessage has them\n"
    "  --timeout SECONDS  until it closes by itself; 0: never\n"
    "  --help, --version\n";

static bool parse(struct message_words *words_r, int count, char **arguments)
{
    long style, timeout;
    if (count != 5 || strcmp(arguments[1], "--style") != 0 || strcmp(arguments[3], "--timeout") != 0 ||
        !text_number(arguments[2], 0, UINT32_MAX, &style) ||
        !text_number(arguments[4], 0, UINT32_MAX, &timeout))
        return false;
    words_r->style = (uint32_t)style;
    words_r->timeout_s = (uint32_t)timeout;
    return true;
}

/* Reads both texts to the end of the input; false when they are not there or not UTF-8. */
static bool read_words(char *room, size_t size, const char **title_r, const char **text_r)
{
    size_t used = 0;
    for (;;) {
        ssize_t got = read(STDIN_FILENO, room + used, size - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    size_t title = strnlen(room, used);
    size_t text = title < used ? strnlen(room + title + 1, used - title - 1) : used;
    if (title + 1 + text + 1 != used || !text_is_utf8(room, title) || !text_is_utf8(room + title + 1, text))
        return false;
    *title_r = room;
    *text_r = room + title + 1;
    return true;
}

static int serve(struct message_words *words)
{
    static char room[WORDS_ROOM], title[WORDS_ROOM], text[4 * WORDS_ROOM];
    const char *raw_title, *raw_text, *problem;
    if (!read_words(room, sizeof(room), &raw_title, &raw_text)) {
        log_error(NULL, "title and text are not on standard input");
        return STATUS_USAGE;
    }
    message_clean(title, sizeof(title), raw_title[0] != '\0' ? raw_title : DEFAULT_TITLE);
    for (char *end = title; (end = strchr(end, '\n')) != NULL;)
        *end = ' ';
    message_clean(text, sizeof(text), raw_text);
    words->title = title;
    words->text = text;
    unsigned answer = message_box_show(words, &problem);
    if (problem != NULL)
        log_error(NULL, "%s", problem);
    return message_status_of(answer);
}

int main(int count, char **arguments)
{
    struct message_words words;
    log_start("lodge-message", LOG_LEVEL_INFO);
    if (count == 2 && strcmp(arguments[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (count == 2 && strcmp(arguments[1], "--version") == 0) {
        puts("lodge-message " LODGE_VERSION);
        return 0;
    }
    if (!parse(&words, count, arguments)) {
        fputs(usage, stderr);
        return STATUS_USAGE;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* nobody would hear the answer */
    signal(SIGPIPE, SIG_IGN);
    return serve(&words);
}
