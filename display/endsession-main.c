/* lodge-endsession: asks the desktop's own session manager to end the session, its clients saving what they
 * have. The display agent starts it, and ends it when its time is over; its exit status is the answer
 * (endsession.h). libSM waits for as long as a manager likes: so this is no part of the agent. */
#include <X11/ICE/ICElib.h>
#include <X11/SM/SMlib.h>
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <xcb/xcb.h>

#include "common/log.h"
#include "common/packet.h"
#include "display/endsession.h"
#include "display/manager.h"

#define STATUS_USAGE   2
#define BLOCK_ROOM     262144 /* so much is read of an environment */
#define PROCESSES_MOST 4096
#define MANAGERS_MOST  8
/* A manager lets a new client save itself first; one that does not is asked after so long all the same. */
#define FIRST_SAVE_MS 500

struct found {
    struct manager managers[MANAGERS_MOST];
    size_t count;
};

struct asking {
    bool asked, over;
    enum sm_manager answer;
};

static void found_add(struct found *found, const struct manager *manager)
{
    for (size_t i = 0; i < found->count; i++) {
        if (strcmp(found->managers[i].ids, manager->ids) == 0)
            return;
    }
    if (found->count < MANAGERS_MOST)
        found->managers[found->count++] = *manager;
}

/* The end of the file, or of the room. A process that may not be looked into has nothing. */
static size_t read_environment(const char *process, char *block, size_t size)
{
    char path[NAME_MAX + 32];
    snprintf(path, sizeof(path), "/proc/%s/environ", process);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    for (ssize_t got = 1; fd >= 0 && got > 0 && used < size; used += (size_t)(got > 0 ? got : 0))
        got = read(fd, block + used, size - used);
    close_descriptor(&fd);
    return used;
}

static void look_at_processes(struct found *found, const char *display, const char *cookies)
{
    static char block[BLOCK_ROOM];
    static struct manager manager;
    DIR *processes = opendir("/proc");
    const struct dirent *entry;
    for (unsigned i = 0; processes != NULL && i < PROCESSES_MOST && (entry = readdir(processes)) != NULL;) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        i++;
        size_t size = read_environment(entry->d_name, block, sizeof(block));
        if (manager_take_environment(block, size, display, cookies, &manager))
            found_add(found, &manager);
    }
    if (processes != NULL)
        closedir(processes);
}

/* Some managers write it on the root window too. */
static void look_at_root(struct found *found)
{
    static struct manager manager;
    static const char name[] = "SESSION_MANAGER";
    int number;
    xcb_connection_t *c = xcb_connect(NULL, &number);
    xcb_screen_iterator_t screen = {0};
    xcb_intern_atom_reply_t *atom = NULL;
    if (!xcb_connection_has_error(c)) {
        screen = xcb_setup_roots_iterator(xcb_get_setup(c));
        atom = xcb_intern_atom_reply(c, xcb_intern_atom(c, 1, sizeof(name) - 1, name), NULL);
    }
    if (atom != NULL && screen.rem > 0) {
        xcb_get_property_cookie_t cookie =
            xcb_get_property(c, 0, screen.data->root, atom->atom, XCB_ATOM_STRING, 0, MANAGER_IDS_ROOM / 4);
        xcb_get_property_reply_t *value = xcb_get_property_reply(c, cookie, NULL);
        if (value != NULL && value->format == 8 &&
            manager_take_ids(xcb_get_property_value(value), (size_t)xcb_get_property_value_length(value),
                             &manager))
            found_add(found, &manager);
        free(value);
    }
    free(atom);
    xcb_disconnect(c);
}

static void ask(SmcConn connection, struct asking *asking)
{
    /* "Fast" is what managers take for: without a question to the person. */
    if (!asking->asked)
        SmcRequestSaveYourself(connection, SmSaveBoth, True, SmInteractStyleNone, True, True);
    asking->asked = true;
}

static void on_save(SmcConn connection, SmPointer context, int type, Bool shutdown, int style, Bool fast)
{
    (void)context, (void)type, (void)shutdown, (void)style, (void)fast;
    SmcSaveYourselfDone(connection, True);
}

static void on_saved(SmcConn connection, SmPointer context)
{
    ask(connection, context);
}

static void end_with(struct asking *asking, enum sm_manager answer)
{
    asking->over = true;
    asking->answer = answer;
}

static void on_die(SmcConn connection, SmPointer context)
{
    (void)connection;
    end_with(context, SM_MANAGER_ENDED);
}

static void on_cancelled(SmcConn connection, SmPointer context)
{
    (void)connection;
    end_with(context, SM_MANAGER_REFUSED);
}

/* What XMSP has every client tell; a session that is restored must not have this one. */
static void describe(SmcConn connection)
{
    char user[24], style = SmRestartNever;
    snprintf(user, sizeof(user), "%u", (unsigned)getuid());
    SmPropValue program = {sizeof("lodge-endsession") - 1, (char *)"lodge-endsession"};
    SmPropValue user_value = {(int)strlen(user), user}, style_value = {1, &style};
    SmProp properties[] = {{(char *)SmProgram, (char *)SmARRAY8, 1, &program},
                           {(char *)SmUserID, (char *)SmARRAY8, 1, &user_value},
                           {(char *)SmCloneCommand, (char *)SmLISTofARRAY8, 1, &program},
                           {(char *)SmRestartCommand, (char *)SmLISTofARRAY8, 1, &program},
                           {(char *)SmRestartStyleHint, (char *)SmCARD8, 1, &style_value}};
    SmProp *list[sizeof(properties) / sizeof(properties[0])];
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        list[i] = &properties[i];
    SmcSetProperties(connection, (int)(sizeof(list) / sizeof(list[0])), list);
}

/* Returns NULL, with why, when nobody answers there or it lets nobody in. */
static SmcConn connect_to(const struct manager *manager, struct asking *asking, char *why, int size)
{
    SmcCallbacks callbacks = {.save_yourself = {on_save, asking},
                              .die = {on_die, asking},
                              .save_complete = {on_saved, asking},
                              .shutdown_cancelled = {on_cancelled, asking}};
    char ids[MANAGER_IDS_ROOM], *client = NULL;
    if (manager->authority[0] != '\0')
        setenv("ICEAUTHORITY", manager->authority, 1);
    else
        unsetenv("ICEAUTHORITY");
    memcpy(ids, manager->ids, sizeof(ids));
    SmcConn connection = SmcOpenConnection(ids, NULL, SmProtoMajor, SmProtoMinor,
                                           SmcSaveYourselfProcMask | SmcDieProcMask |
                                               SmcSaveCompleteProcMask | SmcShutdownCancelledProcMask,
                                           &callbacks, NULL, &client, size, why);
    free(client);
    return connection;
}

static enum sm_manager end_session(SmcConn connection, struct asking *asking)
{
    IceConn ice = SmcGetIceConnection(connection);
    struct pollfd input = {.fd = IceConnectionNumber(ice), .events = POLLIN};
    describe(connection);
    while (!asking->over) {
        if (poll(&input, 1, asking->asked ? -1 : FIRST_SAVE_MS) == 0)
            ask(connection, asking);
        else if (IceProcessMessages(ice, NULL, NULL) != IceProcessMessagesSuccess && !asking->over)
            end_with(asking, SM_MANAGER_BROKEN);
    }
    if (asking->answer != SM_MANAGER_BROKEN)
        SmcCloseConnection(connection, 0, NULL);
    return asking->answer;
}

static enum sm_manager ask_one_of(const struct found *found)
{
    struct asking asking = {.over = false};
    char why[256] = "";
    for (size_t i = 0; i < found->count; i++) {
        SmcConn connection = connect_to(&found->managers[i], &asking, why, sizeof(why));
        if (connection != NULL)
            return end_session(connection, &asking);
        log_info(NULL, "%s lets nobody in: %s", found->managers[i].ids, why);
    }
    return found->count > 0 ? SM_MANAGER_CLOSED : SM_MANAGER_NONE;
}

/* The libraries would end the program. */
static void on_ice_error(IceConn connection, Bool swapped, int minor, unsigned long sequence, int class,
                         int severity, IcePointer values)
{
    (void)connection, (void)swapped, (void)sequence, (void)severity, (void)values;
    log_warning(NULL, "the session manager complains of message %d (%d)", minor, class);
}

static void on_manager_error(SmcConn connection, Bool swapped, int minor, unsigned long sequence, int class,
                             int severity, SmPointer values)
{
    on_ice_error(SmcGetIceConnection(connection), swapped, minor, sequence, class, severity, values);
}

static void on_broken(IceConn connection)
{
    (void)connection; /* IceProcessMessages tells it */
}

int main(int count, char **arguments)
{
    static struct found found;
    const char *display = getenv("DISPLAY"), *cookies = getenv("XAUTHORITY");
    log_start("lodge-endsession", LOG_LEVEL_INFO);
    if (count == 2 && strcmp(arguments[1], "--version") == 0) {
        puts("lodge-endsession " LODGE_VERSION);
        return 0;
    }
    if (count != 1 || display == NULL) {
        bool help = count == 2 && strcmp(arguments[1], "--help") == 0;
        fputs("usage: lodge-endsession\n"
              "Asks the session manager of the desktop at DISPLAY to end the session, its programs saving;\n"
              "lodge-display starts it.\n"
              "  --help, --version\n",
              help ? stdout : stderr);
        return help ? 0 : STATUS_USAGE;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* nobody would hear the answer */
    signal(SIGPIPE, SIG_IGN);
    IceSetErrorHandler(on_ice_error);
    IceSetIOErrorHandler(on_broken);
    SmcSetErrorHandler(on_manager_error);
    look_at_processes(&found, display, cookies);
    look_at_root(&found);
    return ENDSESSION_STATUS + (int)ask_one_of(&found);
}
