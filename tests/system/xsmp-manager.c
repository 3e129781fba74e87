/* For the test of logoffs: a small session manager, of libSM's. xsmp-manager MODE COMMAND...: runs the
 * command as its session. Asked to end the session it has its clients save, sends them away and ends with the
 * last of them (MODE end), has them save and then calls it off (refuse), or does nothing (mute). */
#include <X11/ICE/ICElib.h>
#include <X11/ICE/ICEutil.h>
#include <X11/SM/SMlib.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENTS_MOST 8
#define COOKIE_SIZE  16

static const char cookie_name[] = "MIT-MAGIC-COOKIE-1";

struct client {
    SmsConn connection; /* NULL: the place is free */
    bool registered, saving;
};

struct manager {
    const char *mode;
    bool ending;
    struct client clients[CLIENTS_MOST];
    IceConn ices[CLIENTS_MOST]; /* of the same places */
};

static struct client *client_of(struct manager *manager, SmsConn connection)
{
    for (size_t i = 0; i < CLIENTS_MOST; i++) {
        if (manager->clients[i].connection == connection)
            return &manager->clients[i];
    }
    exit(3);
}

static Status on_register(SmsConn connection, SmPointer context, char *before)
{
    if (before != NULL) {
        free(before);
        return 0;
    }
    char *id = SmsGenerateClientID(connection);
    if (id == NULL)
        exit(3);
    client_of(context, connection)->registered = true;
    SmsRegisterClientReply(connection, id);
    free(id);
    SmsSaveYourself(connection, SmSaveLocal, False, SmInteractStyleNone, False);
    return 1;
}

static void on_request(SmsConn connection, SmPointer context, int type, Bool shutdown, int style, Bool fast,
                       Bool global)
{
    struct manager *manager = context;
    (void)connection;
    if (strcmp(manager->mode, "mute") == 0 || !shutdown || !global)
        return;
    manager->ending = true;
    for (size_t i = 0; i < CLIENTS_MOST; i++) {
        struct client *client = &manager->clients[i];
        if (client->registered) {
            client->saving = true;
            SmsSaveYourself(client->connection, type, True, style, fast);
        }
    }
}

/* All have saved. */
static void go_on(struct manager *manager)
{
    bool refuse = strcmp(manager->mode, "refuse") == 0;
    for (size_t i = 0; i < CLIENTS_MOST; i++) {
        if (manager->clients[i].registered && refuse)
            SmsShutdownCancelled(manager->clients[i].connection);
        else if (manager->clients[i].registered)
            SmsDie(manager->clients[i].connection);
    }
    manager->ending = !refuse;
}

static void on_saved(SmsConn connection, SmPointer context, Bool success)
{
    struct manager *manager = context;
    (void)success;
    client_of(manager, connection)->saving = false;
    if (!manager->ending) {
        SmsSaveComplete(connection);
        return;
    }
    for (size_t i = 0; i < CLIENTS_MOST; i++) {
        if (manager->clients[i].saving)
            return;
    }
    go_on(manager);
}

static void forget(struct manager *manager, SmsConn connection)
{
    struct client *client = client_of(manager, connection);
    IceConn ice = SmsGetIceConnection(connection);
    manager->ices[client - manager->clients] = NULL;
    *client = (struct client){.connection = NULL};
    SmsCleanUp(connection);
    IceSetShutdownNegotiation(ice, False);
    IceCloseConnection(ice);
}

static void on_close(SmsConn connection, SmPointer context, int count, char **reasons)
{
    SmFreeReasons(count, reasons);
    forget(context, connection);
}

static void on_properties(SmsConn connection, SmPointer context, int count, SmProp **properties)
{
    (void)connection, (void)context;
    for (int i = 0; i < count; i++)
        SmFreeProperty(properties[i]);
    free(properties);
}

static void on_other(SmsConn connection, SmPointer context)
{
    (void)connection, (void)context;
}

static void on_interact(SmsConn connection, SmPointer context, int type)
{
    (void)connection, (void)context, (void)type;
}

static void on_interacted(SmsConn connection, SmPointer context, Bool cancel)
{
    (void)connection, (void)context, (void)cancel;
}

static void on_delete(SmsConn connection, SmPointer context, int count, char **names)
{
    (void)connection, (void)context, (void)count, (void)names;
}

static Status on_client(SmsConn connection, SmPointer context, unsigned long *mask, SmsCallbacks *callbacks,
                        char **reason)
{
    struct manager *manager = context;
    for (size_t i = 0; i < CLIENTS_MOST; i++) {
        if (manager->ices[i] == SmsGetIceConnection(connection))
            manager->clients[i].connection = connection;
    }
    *callbacks = (SmsCallbacks){.register_client = {on_register, context},
                                .interact_request = {on_interact, context},
                                .interact_done = {on_interacted, context},
                                .save_yourself_request = {on_request, context},
                                .save_yourself_phase2_request = {on_other, context},
                                .save_yourself_done = {on_saved, context},
                                .close_connection = {on_close, context},
                                .set_properties = {on_properties, context},
                                .delete_properties = {on_delete, context},
                                .get_properties = {on_other, context}};
    *mask = SmsRegisterClientProcMask | SmsInteractRequestProcMask | SmsInteractDoneProcMask |
            SmsSaveYourselfRequestProcMask | SmsSaveYourselfP2RequestProcMask | SmsSaveYourselfDoneProcMask |
            SmsCloseConnectionProcMask | SmsSetPropertiesProcMask | SmsDeletePropertiesProcMask |
            SmsGetPropertiesProcMask;
    *reason = NULL;
    return 1;
}

static void on_broken(IceConn ice)
{
    (void)ice;
}

static Bool on_strange_host(char *host)
{
    (void)host;
    return False;
}

/* One cookie for each protocol and way to connect, for this process and in ~/.ICEauthority. */
static void write_cookies(IceListenObj *listening, int count)
{
    FILE *file = fopen(IceAuthFileName(), "wb");
    for (int i = 0; file != NULL && i < count; i++) {
        for (int protocol = 0; protocol < 2; protocol++) {
            char *name = (char *)(protocol == 0 ? "ICE" : "XSMP"),
                 *id = IceGetListenConnectionString(listening[i]);
            char *cookie = IceGenerateMagicCookie(COOKIE_SIZE);
            IceAuthFileEntry entry = {name, 0, (char *)"", id, (char *)cookie_name, COOKIE_SIZE, cookie};
            IceAuthDataEntry data = {name, id, (char *)cookie_name, COOKIE_SIZE, cookie};
            IceWriteAuthFileEntry(file, &entry);
            IceSetPaAuthData(1, &data);
            free(id);
            free(cookie);
        }
        IceSetHostBasedAuthProc(listening[i], on_strange_host);
    }
    if (file == NULL || fclose(file) != 0)
        exit(3);
}

static void start(char **command)
{
    pid_t pid = fork();
    if (pid == 0) {
        execvp(command[0], command);
        _exit(127);
    }
    if (pid < 0)
        exit(3);
}

static void accept_one(struct manager *manager, IceListenObj listening)
{
    IceAcceptStatus status;
    IceConn ice = IceAcceptConnection(listening, &status);
    size_t place = 0;
    while (place < CLIENTS_MOST && manager->ices[place] != NULL)
        place++;
    if (ice == NULL || place == CLIENTS_MOST)
        exit(3);
    manager->ices[place] = ice;
}

static void receive(struct manager *manager, size_t place)
{
    IceConn ice = manager->ices[place];
    if (IceProcessMessages(ice, NULL, NULL) != IceProcessMessagesIOError)
        return;
    if (manager->clients[place].connection != NULL)
        forget(manager, manager->clients[place].connection);
    else
        IceCloseConnection(ice);
    manager->ices[place] = NULL;
}

static bool has_clients(const struct manager *manager)
{
    for (size_t i = 0; i < CLIENTS_MOST; i++) {
        if (manager->ices[i] != NULL)
            return true;
    }
    return false;
}

static void serve(struct manager *manager, IceListenObj *listening, int count)
{
    struct pollfd polled[CLIENTS_MOST + 8];
    while (!manager->ending || has_clients(manager)) {
        for (int i = 0; i < count; i++)
            polled[i] = (struct pollfd){.fd = IceGetListenConnectionNumber(listening[i]), .events = POLLIN};
        for (size_t i = 0; i < CLIENTS_MOST; i++) {
            int fd = manager->ices[i] != NULL ? IceConnectionNumber(manager->ices[i]) : -1;
            polled[(size_t)count + i] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
        poll(polled, (nfds_t)count + CLIENTS_MOST, -1);
        for (size_t i = 0; i < CLIENTS_MOST; i++) {
            if (polled[(size_t)count + i].revents && manager->ices[i] != NULL)
                receive(manager, i);
        }
        for (int i = 0; i < count; i++) {
            if (polled[i].revents)
                accept_one(manager, listening[i]);
        }
    }
}

int main(int count, char **arguments)
{
    struct manager manager = {.mode = count > 2 ? arguments[1] : ""};
    int ways;
    IceListenObj *listening;
    char why[256];
    if (count < 3)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    IceSetIOErrorHandler(on_broken);
    if (!SmsInitialize((char *)"lodge-test", (char *)"1", on_client, &manager, NULL, sizeof(why), why) ||
        !IceListenForConnections(&ways, &listening, sizeof(why), why) || ways > 8) {
        fprintf(stderr, "xsmp-manager: %s\n", why);
        return 3;
    }
    write_cookies(listening, ways);
    setenv("SESSION_MANAGER", IceComposeNetworkIdList(ways, listening), 1);
    start(arguments + 2);
    serve(&manager, listening, ways);
    return 0;
}
