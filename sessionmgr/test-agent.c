/* What test-init puts in the place of lodge-display: it proves that the X server can be used with the cookie,
 * and writes down what lodge-init says. Beside the cookie file: "agent" is what it writes, "crash" makes it
 * exit at once, "answer" makes it say that all windows are closed, each digit in "manager" how the session
 * manager answered; it makes "closing" when they are to be closed. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/packet.h"
#include "rpc/sm.h"

#define CHANNEL 4

static char folder[256];

static FILE *open_in(const char *name, const char *mode)
{
    char path[300];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return fopen(path, mode);
}

static int has(const char *name)
{
    FILE *file = open_in(name, "r");
    if (file != NULL)
        fclose(file);
    return file != NULL;
}

/* Sets up an X connection with the last cookie of the file. Returns 1 when the server accepts. */
static int is_x_usable(void)
{
    static const char kind[] = "MIT-MAGIC-COOKIE-1";
    unsigned char cookies[1024], setup[12 + 20 + 16] = {'l', 0, 11, 0, 0, 0, 18, 0, 16, 0}, answer;
    FILE *file = open_in("Xauthority", "r");
    if (file == NULL)
        return 0;
    size_t size = fread(cookies, 1, sizeof(cookies), file);
    fclose(file);
    if (size < 16)
        return 0;
    memcpy(setup + 12, kind, 18);
    memcpy(setup + 32, cookies + size - 16, 16);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/.X11-unix/X%s", getenv("DISPLAY") + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
           write(fd, setup, sizeof(setup)) == sizeof(setup) && read(fd, &answer, 1) == 1 && answer == 1;
}

static void note(const char *what, unsigned number, const char *text)
{
    FILE *file = open_in("agent", "a");
    if (file == NULL)
        exit(3);
    fprintf(file, "%s %u %s\n", what, number, text);
    fclose(file);
}

/* One MANAGER_ANSWER for each digit. */
static void tell_manager(void)
{
    FILE *file = open_in("manager", "r");
    for (int digit; file != NULL && (digit = fgetc(file)) != EOF;) {
        struct sm_manager_answer answer = {.answer = (uint8_t)(digit - '0')};
        message_send(CHANNEL, &sm_protocol, SM_MANAGER_ANSWER, &answer, -1);
    }
    if (file != NULL)
        fclose(file);
}

static void closing(void)
{
    tell_manager();
    FILE *file = open_in("closing", "w");
    if (file != NULL)
        fclose(file);
    struct sm_windows_closed closed = {.left = 0};
    if (has("answer"))
        message_send(CHANNEL, &sm_protocol, SM_WINDOWS_CLOSED, &closed, -1);
}

int main(int argc, char **argv)
{
    union sm_body body;
    struct message message;
    const char *problem = "";
    if (argc != 5 || strcmp(argv[2], "3") != 0 || strcmp(argv[4], "4") != 0 || getenv("XAUTHORITY") == NULL)
        return 2;
    snprintf(folder, sizeof(folder), "%s", getenv("XAUTHORITY"));
    *strrchr(folder, '/') = '\0';
    note("start", (unsigned)getuid(), is_x_usable() ? "x-usable" : "x-refused");
    if (has("crash"))
        return 4;
    message_send(CHANNEL, &sm_protocol, SM_READY, &(struct sm_ready){.role = SM_AGENT}, -1);
    for (;;) {
        struct pollfd wait = {.fd = CHANNEL, .events = POLLIN};
        poll(&wait, 1, -1);
        if (message_receive(CHANNEL, &sm_protocol, SM_INIT, &body, sizeof(body), &message, &problem) != 1)
            return 0;
        if (message.number == SM_NOTICE)
            note("notice", body.notice.reason, body.notice.detail);
        else if (message.number == SM_CLOSE_WINDOWS)
            closing();
    }
}
