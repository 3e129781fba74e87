/* top: what sessions use, again and again. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "common/clock.h"
#include "ctl/describe.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/server.h"
#include "ctl/session.h"
#include "ctl/table.h"

#define REFRESH_MS  2000
#define ONCE_MS     500 /* between the two looks of --once: what is used in it, is shown */
#define ROWS_BESIDE 3   /* of the screen: the summary, the titles, and one that stays empty */

/* What was seen of a session at the last look. */
struct before {
    bool known;
    uint64_t cpu_ms, sent, received;
};

struct row {
    const Lodge__Lsm__Session *session;
    const Lodge__Lsm__Use *use; /* NULL: not known */
    unsigned permille;          /* of one processor */
    uint64_t sent, received;    /* bytes a second */
};

struct look {
    struct session_pages sessions;
    struct session_pages usage; /* answers to `usage` */
    struct row *rows;
    size_t count;
};

struct top {
    struct server server;
    struct before *before; /* by session */
    int64_t looked_ms;     /* clock_monotonic_ms; 0: never */
};

static void look_free(struct look *look)
{
    session_pages_free(&look->sessions);
    session_pages_free(&look->usage);
    free(look->rows);
    *look = (struct look){0};
}

static enum ctl_exit fetch_usage(struct server *server, struct session_pages *pages)
{
    Lodge__Lsm__UsageRequest usage = LODGE__LSM__USAGE_REQUEST__INIT;
    for (bool more = true; more;) {
        Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
        Lodge__Lsm__Answer *answer;
        request.method_case = LODGE__LSM__REQUEST__METHOD_USAGE;
        request.usage = &usage;
        enum ctl_exit result =
            server_ask(server, "what sessions use", &request, LODGE__LSM__ANSWER__RESULT_USAGE, &answer);
        if (result != CTL_DONE)
            return result;
        session_pages_add(pages, answer);
        size_t count = answer->usage->n_use;
        uint32_t last = count > 0 ? answer->usage->use[count - 1]->session : 0;
        more = answer->usage->more && last > usage.after;
        usage.after = last;
    }
    return CTL_DONE;
}

/* Both lists are in the order of their ids: the place in the one moves along with the other's. */
static const Lodge__Lsm__Use *find_use(const struct look *look, uint32_t id, size_t *page, size_t *at)
{
    for (; *page < look->usage.count; (*page)++, *at = 0) {
        const Lodge__Lsm__Usage *usage = look->usage.answers[*page]->usage;
        while (*at < usage->n_use && usage->use[*at]->session < id)
            (*at)++;
        if (*at < usage->n_use)
            return usage->use[*at]->session == id ? usage->use[*at] : NULL;
    }
    return NULL;
}

static uint64_t per_second(uint64_t now, uint64_t before, int64_t ms)
{
    return now > before ? (now - before) * 1000 / (uint64_t)ms : 0;
}

static void reckon(struct row *row, struct before *before, int64_t since_ms)
{
    const Lodge__Lsm__Use *use = row->use;
    if (use == NULL) {
        before->known = false;
        return;
    }
    uint64_t sent = use->traffic != NULL ? use->traffic->sent : 0;
    uint64_t received = use->traffic != NULL ? use->traffic->received : 0;
    if (before->known && since_ms > 0) {
        row->permille = (unsigned)per_second(use->cpu_ms, before->cpu_ms, since_ms);
        row->sent = per_second(sent, before->sent, since_ms);
        row->received = per_second(received, before->received, since_ms);
    }
    *before = (struct before){true, use->cpu_ms, sent, received};
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *first = a, *second = b;
    if (first->permille != second->permille)
        return first->permille < second->permille ? 1 : -1;
    return (first->session->id > second->session->id) - (first->session->id < second->session->id);
}

static enum ctl_exit take_look(struct top *top, struct look *look_r)
{
    Lodge__Lsm__ListRequest list = LODGE__LSM__LIST_REQUEST__INIT;
    *look_r = (struct look){0};
    enum ctl_exit result = session_fetch_pages(&top->server, &list, &look_r->sessions);
    if (result == CTL_DONE)
        result = fetch_usage(&top->server, &look_r->usage);
    if (result != CTL_DONE)
        return result;
    int64_t now = clock_monotonic_ms(), since = top->looked_ms != 0 ? now - top->looked_ms : 0;
    size_t page = 0, at = 0;
    top->looked_ms = now;
    for (size_t i = 0; i < look_r->sessions.count; i++)
        look_r->count += look_r->sessions.answers[i]->sessions->n_session;
    look_r->rows = calloc(look_r->count + 1, sizeof(*look_r->rows));
    if (look_r->rows == NULL)
        return CTL_FAILED;
    struct row *row = look_r->rows;
    for (size_t i = 0; i < look_r->sessions.count; i++) {
        const Lodge__Lsm__Sessions *sessions = look_r->sessions.answers[i]->sessions;
        for (size_t j = 0; j < sessions->n_session; j++, row++) {
            row->session = sessions->session[j];
            row->use = find_use(look_r, row->session->id, &page, &at);
            reckon(row, &top->before[row->session->id & UINT16_MAX], since);
        }
    }
    qsort(look_r->rows, look_r->count, sizeof(*look_r->rows), compare_rows);
    return CTL_DONE;
}

static const struct table_column columns[] = {
    {"ID", true, false, NULL},
    {"USER", false, true, NULL},
    {"STATE", false, false, describe_state_colour},
    {"CPU%", true, false, NULL},
    {"MEMORY", true, false, NULL},
    {"TASKS", true, false, NULL},
    {"OUT/s", true, false, NULL},
    {"IN/s", true, false, NULL},
    {"RTT", true, false, NULL},
    {"RATIO", true, false, NULL},
    {"IDLE", true, false, NULL},
    {"CLIENT", false, true, NULL},
};

/* What the client gets for each byte of pixels, as 1:12. */
static void ratio_text(const Lodge__Lsm__Traffic *traffic, char *text, size_t size)
{
    if (traffic == NULL || traffic->coded == 0)
        snprintf(text, size, "-");
    else
        snprintf(text, size, "1:%" PRIu64, (traffic->pixels + traffic->coded / 2) / traffic->coded);
}

static void add_row(struct table *table, const struct row *row)
{
    char id[16], cpu[24] = "-", memory[DESCRIBE_ROOM] = "-", tasks[16] = "-", sent[DESCRIBE_ROOM] = "-",
                 received[DESCRIBE_ROOM] = "-", rtt[24] = "-", ratio[24] = "-", idle[DESCRIBE_ROOM] = "-";
    const Lodge__Lsm__Use *use = row->use;
    uint64_t idle_ms = session_idle_ms(row->session);
    snprintf(id, sizeof(id), "%" PRIu32, row->session->id);
    if (use != NULL) {
        snprintf(cpu, sizeof(cpu), "%u.%u", row->permille / 10, row->permille % 10);
        describe_bytes(use->memory, memory, sizeof(memory));
        snprintf(tasks, sizeof(tasks), "%" PRIu32, use->tasks);
    }
    if (use != NULL && use->traffic != NULL) {
        describe_bytes(row->sent, sent, sizeof(sent));
        describe_bytes(row->received, received, sizeof(received));
        snprintf(rtt, sizeof(rtt), "%" PRIu32 ".%" PRIu32 "ms", use->traffic->rtt_us / 1000,
                 use->traffic->rtt_us % 1000 / 100);
        ratio_text(use->traffic, ratio, sizeof(ratio));
    }
    if (idle_ms > 0)
        describe_duration(idle_ms, idle, sizeof(idle));
    const char *const cells[] = {id,
                                 row->session->user,
                                 describe_state(row->session->state),
                                 cpu,
                                 memory,
                                 tasks,
                                 sent,
                                 received,
                                 rtt,
                                 ratio,
                                 idle,
                                 row->session->client != NULL ? row->session->client->name : ""};
    table_add_row(table, cells);
}

static void print_summary(const struct look *look)
{
    uint64_t memory = 0, permille = 0;
    size_t active = 0;
    char text[DESCRIBE_ROOM];
    for (size_t i = 0; i < look->count; i++) {
        uint32_t state = look->rows[i].session->state;
        active += state == LODGE__LSM__STATE__ACTIVE || state == LODGE__LSM__STATE__SHADOW;
        memory += look->rows[i].use != NULL ? look->rows[i].use->memory : 0;
        permille += look->rows[i].permille;
    }
    printf("Sessions: %zu, active: %zu; CPU %" PRIu64 ".%" PRIu64 "%%, memory %s\n", look->count, active,
           permille / 10, permille % 10, describe_bytes(memory, text, sizeof(text)));
}

static void print_look(const struct look *look, size_t most, size_t width)
{
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    print_summary(look);
    for (size_t i = 0; i < look->count && i < most; i++)
        add_row(table, &look->rows[i]);
    table_print(table, stdout, width, terminal_has_colour(STDOUT_FILENO));
    table_free(table);
}

static void put_row(struct json_writer *writer, const struct row *row)
{
    static const Lodge__Lsm__Use no_use = LODGE__LSM__USE__INIT;
    static const Lodge__Lsm__Traffic no_traffic = LODGE__LSM__TRAFFIC__INIT;
    const Lodge__Lsm__Use *use = row->use != NULL ? row->use : &no_use;
    const Lodge__Lsm__Traffic *traffic = use->traffic != NULL ? use->traffic : &no_traffic;
    json_open_object(writer, NULL);
    json_put_number(writer, "id", row->session->id);
    json_put_text(writer, "user", row->session->user);
    json_put_text(writer, "state", describe_state(row->session->state));
    json_put_number(writer, "cpu_permille", row->permille);
    json_put_number(writer, "cpu_ms", use->cpu_ms);
    json_put_number(writer, "memory", use->memory);
    json_put_number(writer, "tasks", use->tasks);
    json_put_number(writer, "sent", traffic->sent);
    json_put_number(writer, "received", traffic->received);
    json_put_number(writer, "sent_per_second", row->sent);
    json_put_number(writer, "received_per_second", row->received);
    json_put_number(writer, "frames", traffic->frames);
    json_put_number(writer, "pixels", traffic->pixels);
    json_put_number(writer, "coded", traffic->coded);
    json_put_number(writer, "rtt_us", traffic->rtt_us);
    json_put_number(writer, "idle_ms", session_idle_ms(row->session));
    json_close_object(writer);
}

static void print_json(const struct look *look)
{
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_open_array(&writer, "sessions");
    for (size_t i = 0; i < look->count; i++)
        put_row(&writer, &look->rows[i]);
    json_close_array(&writer);
    json_close_object(&writer);
    fputc('\n', stdout);
}

static enum ctl_exit look_once(struct top *top, bool json)
{
    struct look look;
    enum ctl_exit result = take_look(top, &look);
    look_free(&look);
    if (result != CTL_DONE)
        return result;
    poll(NULL, 0, ONCE_MS); /* what is used in it, is shown */
    result = take_look(top, &look);
    if (result == CTL_DONE && json)
        print_json(&look);
    else if (result == CTL_DONE)
        print_look(&look, SIZE_MAX, terminal_width(STDOUT_FILENO));
    look_free(&look);
    return result;
}

static void redraw(const struct look *look)
{
    struct winsize size = {0};
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    fputs("\033[H\033[J", stdout);
    print_look(look, size.ws_row > ROWS_BESIDE ? size.ws_row - ROWS_BESIDE : 1, size.ws_col);
    fflush(stdout);
}

/* Waits until it is time for the next look. Returns false when it is to end: q, Ctrl-C, or the terminal is
 * gone. */
static bool wait_next(int signals, const struct look *look)
{
    int64_t end = clock_monotonic_ms() + REFRESH_MS;
    for (int64_t left; (left = end - clock_monotonic_ms()) > 0;) {
        struct pollfd polled[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
        struct signalfd_siginfo info;
        char key;
        if (poll(polled, 2, (int)left) < 0 && errno != EINTR)
            return false;
        if (polled[0].revents != 0 && (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q'))
            return false;
        if (polled[1].revents == 0 || read(signals, &info, sizeof(info)) != sizeof(info))
            continue;
        if (info.ssi_signo != SIGWINCH)
            return false;
        redraw(look);
    }
    return true;
}

static enum ctl_exit follow(struct top *top, int signals)
{
    enum ctl_exit result = CTL_DONE;
    for (bool more = true; more && result == CTL_DONE;) {
        struct look look;
        result = take_look(top, &look);
        if (result == CTL_DONE) {
            redraw(&look);
            more = wait_next(signals, &look);
        }
        look_free(&look);
    }
    return result;
}

/* On the terminal's other screen, without echo; all of it is as it was afterwards. */
static enum ctl_exit look_on(struct top *top)
{
    struct termios before, raw;
    sigset_t set;
    sigemptyset(&set);
    static const int taken[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH};
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        sigaddset(&set, taken[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (signals < 0 || tcgetattr(STDIN_FILENO, &before) != 0) {
        ctl_say("the terminal: %s", strerror(errno));
        return CTL_FAILED;
    }
    raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    fputs("\033[?1049h\033[?25l", stdout);
    enum ctl_exit result = follow(top, signals);
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    close(signals);
    return result;
}

enum ctl_exit ctl_top(const struct ctl_arguments *arguments, const struct conf *conf)
{
    struct top top = {.before = calloc(UINT16_MAX + 1, sizeof(struct before))};
    bool json = (arguments->options & CTL_BIT(JSON)) != 0;
    bool once =
        json || (arguments->options & CTL_BIT(ONCE)) != 0 || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO);
    if (top.before == NULL)
        return CTL_FAILED;
    enum ctl_exit result = server_open(&top.server, arguments, conf);
    if (result == CTL_DONE) {
        result = once ? look_once(&top, json) : look_on(&top);
        server_close(&top.server);
    }
    free(top.before);
    return result;
}
