/* list, show, disconnect, logoff, reset. */
#include <err.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/reason.h"
#include "common/redirect.h"
#include "common/text.h"
#include "ctl/describe.h"
#include "ctl/json.h"
#include "ctl/say.h"
#include "ctl/server.h"
#include "ctl/session.h"
#include "ctl/table.h"

#define PAGES_MOST 70000 /* one session a page, and some that came meanwhile */

void session_pages_free(struct session_pages *pages)
{
    for (size_t i = 0; i < pages->count; i++)
        lodge__lsm__answer__free_unpacked(pages->answers[i], NULL);
    free(pages->answers);
    *pages = (struct session_pages){0};
}

void session_pages_add(struct session_pages *pages, Lodge__Lsm__Answer *answer)
{
    pages->answers = reallocarray(pages->answers, pages->count + 1, sizeof(*pages->answers));
    if (pages->answers == NULL)
        err(CTL_FAILED, "the list of sessions");
    pages->answers[pages->count++] = answer;
}

/* Those that have been so for so long. Returns false, having said why, for what is no time. */
static bool take_ages(const struct ctl_arguments *arguments, Lodge__Lsm__ListRequest *list_r)
{
    const struct {
        const char *option;
        const char *value;
        uint32_t *seconds;
    } ages[] = {
        {"--logged-on", arguments->values[CTL_OPTION_LOGGED_ON], &list_r->logged_on_s},
        {"--connected", arguments->values[CTL_OPTION_CONNECTED], &list_r->connected_s},
        {"--disconnected", arguments->values[CTL_OPTION_DISCONNECTED], &list_r->disconnected_s},
        {"--idle", arguments->values[CTL_OPTION_IDLE], &list_r->idle_s},
    };
    for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
        long seconds = 0;
        if (ages[i].value != NULL && !text_number(ages[i].value, 1, INT32_MAX, &seconds)) {
            ctl_say("%s takes seconds from 1 on, not \"%s\".", ages[i].option, ages[i].value);
            return false;
        }
        *ages[i].seconds = (uint32_t)seconds;
    }
    return true;
}

static char *value_of(const struct ctl_arguments *arguments, enum ctl_option option)
{
    return (char *)(arguments->values[option] != NULL ? arguments->values[option] : "");
}

/* What the list is to have. Returns false, having said why, where it makes no sense. */
static bool take_list(const struct ctl_arguments *arguments, Lodge__Lsm__ListRequest *list_r)
{
    static const char *const orders[] = {[LODGE__LSM__LIST_ORDER__BY_ID] = "id",
                                         [LODGE__LSM__LIST_ORDER__BY_USER] = "user",
                                         [LODGE__LSM__LIST_ORDER__BY_LOGON] = "logon"};
    uint32_t state;
    size_t order = 0;
    if (arguments->state != NULL && !describe_state_find(arguments->state, &state)) {
        ctl_say("there is no state \"%s\"; lodgectl list --help tells what there is.", arguments->state);
        return false;
    }
    while (arguments->sort != NULL && order < 3 && strcmp(orders[order], arguments->sort) != 0)
        order++;
    if (order == 3) {
        ctl_say("there is no order \"%s\"; lodgectl list --help tells what there is.", arguments->sort);
        return false;
    }
    list_r->states = arguments->state != NULL ? 1u << state : 0;
    list_r->user = (char *)(arguments->user != NULL ? arguments->user : "");
    list_r->client = (char *)(arguments->client != NULL ? arguments->client : "");
    list_r->platform = value_of(arguments, CTL_OPTION_PLATFORM);
    list_r->group = value_of(arguments, CTL_OPTION_GROUP);
    list_r->order = (Lodge__Lsm__ListOrder)order;
    list_r->descending = (arguments->options & CTL_BIT(DESCENDING)) != 0;
    return take_ages(arguments, list_r);
}

enum ctl_exit session_fetch_pages(struct server *server, Lodge__Lsm__ListRequest *list,
                                  struct session_pages *pages)
{
    for (bool more = true; more;) {
        Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
        Lodge__Lsm__Answer *answer;
        request.method_case = LODGE__LSM__REQUEST__METHOD_LIST;
        request.list = list;
        enum ctl_exit result = server_ask(server, "the list of sessions", &request,
                                          LODGE__LSM__ANSWER__RESULT_SESSIONS, &answer);
        if (result != CTL_DONE)
            return result;
        session_pages_add(pages, answer);
        const Lodge__Lsm__Sessions *page = answer->sessions;
        if (!lsm_list_is_right(list, page) || pages->count > PAGES_MOST) {
            ctl_say("the list of sessions is not in the order that was asked for: compare the versions");
            return CTL_FAILED;
        }
        more = page->more;
        if (page->n_session > 0) {
            const Lodge__Lsm__Session *last = page->session[page->n_session - 1];
            list->after = last->id;
            list->after_user = last->user;
            list->after_logon_ms = last->logon_ms;
        }
    }
    return CTL_DONE;
}

enum ctl_exit session_of_user(struct server *server, const char *user, uint16_t *id_r)
{
    struct session_pages pages = {0};
    const Lodge__Lsm__Session *found = NULL;
    Lodge__Lsm__ListRequest list = LODGE__LSM__LIST_REQUEST__INIT;
    list.user = (char *)user;
    enum ctl_exit result = session_fetch_pages(server, &list, &pages);
    for (size_t i = 0; result == CTL_DONE && i < pages.count; i++) {
        const Lodge__Lsm__Sessions *sessions = pages.answers[i]->sessions;
        for (size_t j = 0; j < sessions->n_session; j++) {
            const Lodge__Lsm__Session *session = sessions->session[j];
            bool better = found == NULL || (found->state != LODGE__LSM__STATE__ACTIVE &&
                                            session->state == LODGE__LSM__STATE__ACTIVE);
            if (strcmp(session->user, user) == 0 && better)
                found = session;
        }
    }
    if (found != NULL)
        *id_r = (uint16_t)found->id;
    else if (result == CTL_DONE)
        result = ctl_say_refusal(user, REASON_NO_SESSION, "");
    session_pages_free(&pages);
    return result;
}

uint64_t session_idle_ms(const Lodge__Lsm__Session *session)
{
    uint64_t since = session->state == LODGE__LSM__STATE__DISCONNECTED ? session->disconnect_ms
                     : session->state == LODGE__LSM__STATE__ACTIVE     ? session->input_ms
                                                                       : 0;
    return since > 0 && session->now_ms > since ? session->now_ms - since : 0;
}

static void put_client(struct json_writer *writer, const Lodge__Lsm__Client *client)
{
    static const Lodge__Lsm__Client none = LODGE__LSM__CLIENT__INIT;
    if (client == NULL)
        client = &none;
    char redirects[REDIRECT_TEXT_ROOM];
    json_open_object(writer, "client");
    json_put_text(writer, "name", client->name);
    json_put_text(writer, "address", client->address);
    json_put_number(writer, "width", client->width);
    json_put_number(writer, "height", client->height);
    json_put_number(writer, "keyboard_layout", client->keyboard_layout);
    json_put_number(writer, "build", client->build);
    json_put_text(writer, "codec", client->codec);
    json_put_text(writer, "security", client->security);
    json_put_text(writer, "platform", client->platform);
    json_put_text(writer, "product", client->product);
    json_open_array(writer, "redirects");
    for (uint32_t bit = 1; bit <= REDIRECT_ALL; bit <<= 1) {
        if (client->redirects & bit)
            json_put_text(writer, NULL, redirect_text(bit, redirects, sizeof(redirects)));
    }
    json_close_array(writer);
    json_close_object(writer);
}

static void put_shadows(struct json_writer *writer, const Lodge__Lsm__Session *session)
{
    const Lodge__Lsm__Shadower *shadower = session->shadower;
    json_put_number(writer, "shadows", session->shadows);
    json_put_number(writer, "shadowed_by", shadower != NULL ? shadower->session : 0);
    json_put_text(writer, "shadowed_by_user", shadower != NULL ? shadower->user : "");
    json_put_bool(writer, "shadowed_with_control", shadower != NULL && shadower->control);
}

static void put_session(struct json_writer *writer, const Lodge__Lsm__Session *session)
{
    json_open_object(writer, NULL);
    json_put_number(writer, "id", session->id);
    json_put_text(writer, "state", describe_state(session->state));
    json_put_text(writer, "user", session->user);
    json_put_number(writer, "uid", session->uid);
    json_put_bool(writer, "lab", session->lab);
    json_put_bool(writer, "load_test", session->load_test);
    put_client(writer, session->client);
    json_put_number(writer, "logon_ms", session->logon_ms);
    json_put_number(writer, "connect_ms", session->connect_ms);
    json_put_number(writer, "disconnect_ms", session->disconnect_ms);
    json_put_number(writer, "now_ms", session->now_ms);
    json_put_number(writer, "idle_ms", session_idle_ms(session));
    json_put_number(writer, "input_ms", session->input_ms);
    json_put_bool(writer, "locked", session->locked);
    json_put_text(writer, "terminal", session->terminal);
    put_shadows(writer, session);
    json_close_object(writer);
}

static const struct table_column columns[] = {
    {"ID", true, false, NULL},
    {"USER", false, true, NULL},
    {"STATE", false, false, describe_state_colour},
    {"IDLE", true, false, NULL},
    {"CLIENT", false, true, NULL},
    {"ADDRESS", false, true, NULL},
    {"SIZE", false, false, NULL},
    {"LOGON", false, false, NULL},
};

static void size_text(const Lodge__Lsm__Client *client, char *text, size_t size)
{
    if (client == NULL || client->width == 0)
        snprintf(text, size, "-");
    else
        snprintf(text, size, "%" PRIu32 "x%" PRIu32, client->width, client->height);
}

/* "active, locked, shadowed by 5", "shadow of 7" ... */
static void state_text(const Lodge__Lsm__Session *session, char *text, size_t size)
{
    bool locked = session->locked && session->state == LODGE__LSM__STATE__ACTIVE;
    char of[24] = "", by[32] = "";
    if (session->shadows != 0)
        snprintf(of, sizeof(of), " of %" PRIu32, session->shadows);
    if (session->shadower != NULL)
        snprintf(by, sizeof(by), ", shadowed by %" PRIu32, session->shadower->session);
    snprintf(text, size, "%s%s%s%s", describe_state(session->state), of, locked ? ", locked" : "", by);
}

static void add_row(struct table *table, const Lodge__Lsm__Session *session)
{
    char id[16], idle[DESCRIBE_ROOM] = "-", logon[DESCRIBE_ROOM], size[32], state[96];
    snprintf(id, sizeof(id), "%" PRIu32, session->id);
    uint64_t idle_ms = session_idle_ms(session);
    if (session->state == LODGE__LSM__STATE__DISCONNECTED || idle_ms >= 60000)
        describe_duration(idle_ms, idle, sizeof(idle));
    size_text(session->client, size, sizeof(size));
    state_text(session, state, sizeof(state));
    const char *const cells[] = {id,
                                 session->user,
                                 state,
                                 idle,
                                 session->client != NULL ? session->client->name : "",
                                 session->client != NULL ? session->client->address : "",
                                 size,
                                 describe_time(session->logon_ms, logon, sizeof(logon))};
    table_add_row(table, cells);
}

static void print_table(const struct session_pages *pages)
{
    struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
    size_t count = 0;
    bool load_test = false;
    for (size_t i = 0; i < pages->count; i++) {
        const Lodge__Lsm__Sessions *sessions = pages->answers[i]->sessions;
        count += sessions->n_session;
        for (size_t j = 0; j < sessions->n_session; j++) {
            add_row(table, sessions->session[j]);
            load_test |= sessions->session[j]->load_test;
        }
    }
    if (load_test)
        puts(DESCRIBE_LOAD_TEST);
    if (count == 0)
        puts("There are no sessions.");
    else
        table_print(table, stdout, terminal_width(STDOUT_FILENO), terminal_has_colour(STDOUT_FILENO));
    table_free(table);
}

static void print_json(const struct session_pages *pages)
{
    struct json_writer writer = json_writer_on(stdout);
    json_open_object(&writer, NULL);
    json_open_array(&writer, "sessions");
    for (size_t i = 0; i < pages->count; i++) {
        const Lodge__Lsm__Sessions *sessions = pages->answers[i]->sessions;
        for (size_t j = 0; j < sessions->n_session; j++)
            put_session(&writer, sessions->session[j]);
    }
    json_close_array(&writer);
    json_close_object(&writer);
    fputc('\n', stdout);
}

enum ctl_exit ctl_list(const struct ctl_arguments *arguments, const struct conf *conf)
{
    struct server server;
    struct session_pages pages = {0};
    Lodge__Lsm__ListRequest list = LODGE__LSM__LIST_REQUEST__INIT;
    if (!take_list(arguments, &list))
        return CTL_USAGE;
    enum ctl_exit result = server_open(&server, arguments, conf);
    if (result != CTL_DONE)
        return result;
    result = session_fetch_pages(&server, &list, &pages);
    if (result == CTL_DONE) {
        if ((arguments->options & CTL_BIT(JSON)) != 0)
            print_json(&pages);
        else
            print_table(&pages);
    }
    session_pages_free(&pages);
    server_close(&server);
    return result;
}

static void print_line(const char *title, const char *value)
{
    char safe[1024];
    bool none = value == NULL || value[0] == '\0';
    printf("%-16s %s\n", title, none ? "-" : text_escape(safe, sizeof(safe), value));
}

static void print_client(const Lodge__Lsm__Client *client)
{
    char size[32], layout[16], redirects[REDIRECT_TEXT_ROOM];
    size_text(client, size, sizeof(size));
    snprintf(layout, sizeof(layout), "0x%" PRIx32, client->keyboard_layout);
    print_line("Client", client->name);
    print_line("Address", client->address);
    print_line("Size", size);
    print_line("Keyboard layout", layout);
    printf("%-16s %" PRIu32 "\n", "Client build", client->build);
    print_line("Platform", client->platform);
    print_line("Product", client->product);
    print_line("Codec", client->codec);
    print_line("Redirected", redirect_text(client->redirects, redirects, sizeof(redirects)));
    print_line("Security", client->security);
}

static void print_session(const Lodge__Lsm__Session *session)
{
    char text[DESCRIBE_ROOM], by[256];
    printf("%-16s %" PRIu32 "\n", "Session", session->id);
    print_line("State", describe_state(session->state));
    print_line("User", session->user);
    printf("%-16s %" PRIu32 "\n", "Uid", session->uid);
    print_line("Account", session->load_test ? "none, virtual for a load test"
                          : session->lab     ? "lab"
                                             : "system");
    print_line("Logon", describe_time(session->logon_ms, text, sizeof(text)));
    print_line("Connected", describe_time(session->connect_ms, text, sizeof(text)));
    print_line("Disconnected", describe_time(session->disconnect_ms, text, sizeof(text)));
    print_line("Last input", describe_time(session->input_ms, text, sizeof(text)));
    print_line("Terminal", session->terminal);
    print_line("Locked", session->locked ? "yes" : "no");
    if (session->shadows != 0)
        printf("%-16s session %" PRIu32 "\n", "Shadows", session->shadows);
    if (session->shadower != NULL) {
        snprintf(by, sizeof(by), "session %" PRIu32 " of %s, %s", session->shadower->session,
                 session->shadower->user, session->shadower->control ? "with control" : "looking on");
        print_line("Shadowed by", by);
    }
    if (session_idle_ms(session) > 0)
        print_line("Idle for", describe_duration(session_idle_ms(session), text, sizeof(text)));
    if (session->client != NULL)
        print_client(session->client);
}

enum ctl_exit session_ask(const struct ctl_arguments *arguments, const struct conf *conf,
                          Lodge__Lsm__Request__MethodCase method, Lodge__Lsm__Answer__ResultCase want,
                          Lodge__Lsm__Answer **answer_r)
{
    char about[32];
    snprintf(about, sizeof(about), "session %u", arguments->id);
    Lodge__Lsm__SessionRequest session = LODGE__LSM__SESSION_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    session.session = arguments->id;
    request.method_case = method;
    request.show = &session; /* one union: all such methods have the same type */
    return server_ask_once(arguments, conf, about, &request, want, answer_r);
}

enum ctl_exit ctl_show(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__Answer *answer;
    enum ctl_exit result = session_ask(arguments, conf, LODGE__LSM__REQUEST__METHOD_SHOW,
                                       LODGE__LSM__ANSWER__RESULT_SESSION, &answer);
    if (result != CTL_DONE)
        return result;
    if ((arguments->options & CTL_BIT(JSON)) != 0) {
        struct json_writer writer = json_writer_on(stdout);
        put_session(&writer, answer->session);
        fputc('\n', stdout);
    } else {
        print_session(answer->session);
    }
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}

static enum ctl_exit act(const struct ctl_arguments *arguments, const struct conf *conf,
                         Lodge__Lsm__Request__MethodCase method, const char *done)
{
    Lodge__Lsm__Answer *answer;
    enum ctl_exit result = session_ask(arguments, conf, method, LODGE__LSM__ANSWER__RESULT__NOT_SET, &answer);
    if (result != CTL_DONE)
        return result;
    printf("Session %u %s.\n", arguments->id, done);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}

enum ctl_exit ctl_disconnect(const struct ctl_arguments *arguments, const struct conf *conf)
{
    return act(arguments, conf, LODGE__LSM__REQUEST__METHOD_DISCONNECT, "is being disconnected");
}

enum ctl_exit ctl_logoff(const struct ctl_arguments *arguments, const struct conf *conf)
{
    return act(arguments, conf, LODGE__LSM__REQUEST__METHOD_LOGOFF, "is being logged off");
}

enum ctl_exit ctl_lock(const struct ctl_arguments *arguments, const struct conf *conf)
{
    return act(arguments, conf, LODGE__LSM__REQUEST__METHOD_LOCK, "is locked");
}

bool session_take_from(const struct ctl_arguments *arguments, uint32_t *from_r)
{
    const char *from = arguments->values[CTL_OPTION_FROM], *own = getenv("LODGE_SESSION");
    long number;
    if (from == NULL && own == NULL) {
        ctl_say("this runs in no session: name the one whose client it is with --from ID.");
        return false;
    }
    if (!text_number(from != NULL ? from : own, 1, UINT16_MAX, &number)) {
        ctl_say("\"%s\" is no session ID (1 to 65535).", from != NULL ? from : own);
        return false;
    }
    *from_r = (uint32_t)number;
    return true;
}

enum ctl_exit ctl_connect(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__ConnectRequest connect = LODGE__LSM__CONNECT_REQUEST__INIT;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    Lodge__Lsm__Answer *answer;
    char about[64];
    if (!session_take_from(arguments, &connect.from))
        return CTL_USAGE;
    connect.session = arguments->id;
    snprintf(about, sizeof(about), "session %u, for the client of session %" PRIu32, arguments->id,
             connect.from);
    request.method_case = LODGE__LSM__REQUEST__METHOD_CONNECT;
    request.connect = &connect;
    enum ctl_exit result =
        server_ask_once(arguments, conf, about, &request, LODGE__LSM__ANSWER__RESULT__NOT_SET, &answer);
    if (result != CTL_DONE)
        return result;
    printf("Session %u is being connected to the client of session %" PRIu32 ".\n", arguments->id,
           connect.from);
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}

enum ctl_exit ctl_environment(const struct ctl_arguments *arguments, const struct conf *conf)
{
    Lodge__Lsm__Answer *answer;
    enum ctl_exit result = session_ask(arguments, conf, LODGE__LSM__REQUEST__METHOD_ENVIRONMENT,
                                       LODGE__LSM__ANSWER__RESULT_ENVIRONMENT, &answer);
    if (result != CTL_DONE)
        return result;
    const Lodge__Lsm__Environment *environment = answer->environment;
    struct json_writer writer = json_writer_on(stdout);
    bool json = (arguments->options & CTL_BIT(JSON)) != 0;
    if (json) {
        json_open_object(&writer, NULL);
        json_put_number(&writer, "session", arguments->id);
        json_open_array(&writer, "variables");
    }
    for (size_t i = 0; i < environment->n_variable; i++) {
        char safe[8192];
        if (json)
            json_put_text(&writer, NULL, environment->variable[i]);
        else
            puts(text_escape(safe, sizeof(safe), environment->variable[i]));
    }
    if (json) {
        json_close_array(&writer);
        json_close_object(&writer);
        fputc('\n', stdout);
    }
    lodge__lsm__answer__free_unpacked(answer, NULL);
    return CTL_DONE;
}

enum ctl_exit ctl_reset(const struct ctl_arguments *arguments, const struct conf *conf)
{
    return act(arguments, conf, LODGE__LSM__REQUEST__METHOD_RESET, "is being reset");
}
