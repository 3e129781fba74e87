/* For the test of logoffs: a program as desktops have them. It is a client of the session manager, saves its
 * document (the file that it is told) when that wants it to for the session's end, and ends when it is to. */
#include <X11/ICE/ICElib.h>
#include <X11/SM/SMlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void note(const char *path, const char *what)
{
    FILE *file = fopen(path, "a");
    if (file == NULL || fprintf(file, "%s\n", what) < 0 || fclose(file) != 0)
        exit(1);
}

static void on_save(SmcConn connection, SmPointer path, int type, Bool shutdown, int style, Bool fast)
{
    (void)fast;
    if (shutdown)
        note(path,
             type != SmSaveLocal && style == SmInteractStyleNone ? "saved" : "asked for something else");
    SmcSaveYourselfDone(connection, True);
}

static void on_die(SmcConn connection, SmPointer path)
{
    note(path, "ends");
    SmcCloseConnection(connection, 0, NULL);
    exit(0);
}

static void nothing(SmcConn connection, SmPointer path)
{
    (void)connection, (void)path;
}

static void describe(SmcConn connection, char *program)
{
    SmPropValue value = {(int)strlen(program), program}, user = {4, (char *)"user"};
    SmProp properties[] = {{(char *)SmProgram, (char *)SmARRAY8, 1, &value},
                           {(char *)SmUserID, (char *)SmARRAY8, 1, &user},
                           {(char *)SmCloneCommand, (char *)SmLISTofARRAY8, 1, &value},
                           {(char *)SmRestartCommand, (char *)SmLISTofARRAY8, 1, &value}};
    SmProp *list[] = {&properties[0], &properties[1], &properties[2], &properties[3]};
    SmcSetProperties(connection, 4, list);
}

int main(int count, char **arguments)
{
    char *client, why[256];
    if (count != 2)
        return 2;
    SmcCallbacks callbacks = {.save_yourself = {on_save, arguments[1]},
                              .die = {on_die, arguments[1]},
                              .save_complete = {nothing, NULL},
                              .shutdown_cancelled = {nothing, NULL}};
    SmcConn connection = SmcOpenConnection(NULL, NULL, SmProtoMajor, SmProtoMinor,
                                           SmcSaveYourselfProcMask | SmcDieProcMask |
                                               SmcSaveCompleteProcMask | SmcShutdownCancelledProcMask,
                                           &callbacks, NULL, &client, sizeof(why), why);
    if (connection == NULL) {
        fprintf(stderr, "xsmp-client: %s\n", why);
        return 1;
    }
    describe(connection, arguments[0]);
    note(arguments[1], "runs");
    while (IceProcessMessages(SmcGetIceConnection(connection), NULL, NULL) == IceProcessMessagesSuccess)
        ;
    return 1;
}
