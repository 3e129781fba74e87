#include "broker/outlet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/packet.h"
#include "common/text.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET  "/dev/log"
#define IDENTIFIER     "lodge-broker"
#define DAEMON         (3 << 3) /* the facility of syslog(3) */
#define AGAIN_MS       1000
#define VALUE_ROOM     (4 * 512 + 1) /* each byte may become four */

static const struct {
    const char *name;
    enum outlet_kind kind;
} names[] = {
    {"no", OUTLET_NONE}, {"auto", OUTLET_AUTO}, {"journal", OUTLET_JOURNAL}, {"syslog", OUTLET_SYSLOG}};

static bool find(const char *name, enum outlet_kind *kind_r)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i].name, name) == 0) {
            *kind_r = names[i].kind;
            return true;
        }
    }
    return false;
}

bool outlet_check(const struct conf *conf, char *error, size_t size)
{
    enum outlet_kind kind;
    bool known = find(conf->syslog, &kind);
    if (known && (kind != OUTLET_AUTO || conf->syslog_socket[0] == '\0'))
        return true;
    snprintf(error, size,
             known ? "Syslog must be journal or syslog where SyslogSocket is set"
                   : "Syslog must be auto, journal, syslog or no");
    return false;
}

struct text {
    char *at;
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(text->at + text->used, OUTLET_ROOM - text->used, format, arguments);
    va_end(arguments);
    if (more > 0 && text->used + (size_t)more < OUTLET_ROOM)
        text->used += (size_t)more;
}

/* What people read. */
static void put_message(struct text *text, const struct db_event *event)
{
    char value[VALUE_ROOM];
    put(text, "%s", event_name(event->id));
    if (event->session != 0)
        put(text, ", session %" PRIu32, event->session);
    if (event->user[0] != '\0')
        put(text, ", %s", text_escape(value, sizeof(value), event->user));
    if (event->address[0] != '\0')
        put(text, ", %s", text_escape(value, sizeof(value), event->address));
    if (event->reason[0] != '\0' && strcmp(event->reason, "none") != 0)
        put(text, ", %s", text_escape(value, sizeof(value), event->reason));
    if (event->detail[0] != '\0')
        put(text, ": %s", text_escape(value, sizeof(value), event->detail));
}

static void put_field(struct text *text, const char *name, const char *value)
{
    char safe[VALUE_ROOM];
    if (value[0] != '\0')
        put(text, "%s=%s\n", name, text_escape(safe, sizeof(safe), value));
}

size_t outlet_make_journal(const struct db_event *event, char *to)
{
    struct text text = {.at = to};
    put(&text, "MESSAGE=");
    put_message(&text, event);
    put(&text, "\nPRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=" IDENTIFIER "\n",
        event_priority(event->id), DAEMON >> 3);
    put(&text, "LODGE_EVENT=%" PRIu32 "\nLODGE_TIME_MS=%" PRId64 "\n", event->id, event->time_ms);
    put_field(&text, "LODGE_EVENT_NAME", event_name(event->id));
    if (event->session != 0)
        put(&text, "LODGE_SESSION=%" PRIu32 "\n", event->session);
    put_field(&text, "LODGE_USER", event->user);
    put_field(&text, "LODGE_ADDRESS", event->address);
    put_field(&text, "LODGE_REASON", event->reason);
    put_field(&text, "LODGE_DETAIL", event->detail);
    return text.used;
}

/* name="value", where what could end the value is written as \xNN too. */
static void put_quoted(struct text *text, const char *name, const char *value)
{
    char marked[VALUE_ROOM], safe[VALUE_ROOM];
    size_t used = 0;
    if (value[0] == '\0')
        return;
    for (; *value != '\0' && used + 5 < sizeof(marked); value++) {
        if (*value == '"' || *value == '\\')
            used += (size_t)snprintf(marked + used, sizeof(marked) - used, "\\x%02x", (unsigned)*value);
        else
            marked[used++] = *value;
    }
    marked[used] = '\0';
    put(text, " %s=\"%s\"", name, text_escape(safe, sizeof(safe), marked));
}

size_t outlet_make_syslog(const struct db_event *event, int64_t now_s, int pid, char *to)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct text text = {.at = to};
    time_t now = (time_t)now_s;
    struct tm parts = {0};
    localtime_r(&now, &parts);
    put(&text, "<%d>%s %2d %02d:%02d:%02d " IDENTIFIER "[%d]: ", DAEMON | event_priority(event->id),
        months[parts.tm_mon], parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, pid);
    put(&text, "%s id=%" PRIu32, event_name(event->id), event->id);
    if (event->session != 0)
        put(&text, " session=%" PRIu32, event->session);
    put_quoted(&text, "user", event->user);
    put_quoted(&text, "address", event->address);
    if (strcmp(event->reason, "none") != 0)
        put_quoted(&text, "reason", event->reason);
    put_quoted(&text, "detail", event->detail);
    return text.used;
}

static bool connect_to(struct outlet *outlet, enum outlet_kind kind, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = -1;
    if (!text_copy(address.sun_path, sizeof(address.sun_path), path))
        errno = ENAMETOOLONG;
    else
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        outlet->failed = errno;
        close_descriptor(&fd);
        return false;
    }
    outlet->kind = kind;
    outlet->fd = fd;
    return true;
}

static void open_outlet(struct outlet *outlet)
{
    enum outlet_kind wanted = outlet->wanted;
    int64_t now = clock_monotonic_ms();
    if (wanted == OUTLET_NONE || outlet->kind != OUTLET_NONE || now < outlet->again_at)
        return;
    outlet->again_at = now + AGAIN_MS;
    const char *path = outlet->path[0] != '\0' ? outlet->path : NULL;
    if (wanted != OUTLET_SYSLOG && connect_to(outlet, OUTLET_JOURNAL, path != NULL ? path : JOURNAL_SOCKET))
        return;
    if (wanted != OUTLET_JOURNAL)
        connect_to(outlet, OUTLET_SYSLOG, path != NULL ? path : SYSLOG_SOCKET);
}

static void disconnect(struct outlet *outlet)
{
    if (outlet->kind != OUTLET_NONE)
        close_descriptor(&outlet->fd);
    outlet->kind = OUTLET_NONE;
}

void outlet_configure(struct outlet *outlet, const struct conf *conf)
{
    enum outlet_kind wanted = OUTLET_NONE;
    find(conf->syslog, &wanted);
    if (wanted == outlet->wanted && strcmp(conf->syslog_socket, outlet->path) == 0)
        return;
    disconnect(outlet);
    outlet->wanted = wanted;
    snprintf(outlet->path, sizeof(outlet->path), "%s", conf->syslog_socket);
    outlet->again_at = 0;
    outlet->failed = 0;
    open_outlet(outlet);
}

void outlet_close(struct outlet *outlet)
{
    disconnect(outlet);
    outlet->wanted = OUTLET_NONE;
}

/* Returns 0 or an errno. */
static int send_datagram(const struct outlet *outlet, const struct db_event *event)
{
    char text[OUTLET_ROOM];
    size_t size = outlet->kind == OUTLET_JOURNAL
                      ? outlet_make_journal(event, text)
                      : outlet_make_syslog(event, clock_real_ms() / 1000, (int)getpid(), text);
    return send(outlet->fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
}

void outlet_put(struct outlet *outlet, const struct db_event *event)
{
    if (outlet->wanted == OUTLET_NONE)
        return;
    open_outlet(outlet);
    int failed = outlet->kind != OUTLET_NONE ? send_datagram(outlet, event) : outlet->failed;
    if (outlet->kind != OUTLET_NONE && failed != 0 && failed != EAGAIN && failed != ENOBUFS) {
        /* It was started anew, with a socket of its own. */
        disconnect(outlet);
        open_outlet(outlet);
        if (outlet->kind != OUTLET_NONE)
            failed = send_datagram(outlet, event);
    }
    bool none_there = outlet->wanted == OUTLET_AUTO && outlet->kind == OUTLET_NONE && failed == ENOENT;
    outlet->failed = none_there ? 0 : failed;
    outlet->lost += outlet->failed != 0;
    outlet->untold += outlet->failed != 0;
}

uint64_t outlet_take_lost(struct outlet *outlet)
{
    uint64_t lost = outlet->failed == 0 ? outlet->untold : 0;
    outlet->untold -= lost;
    return lost;
}
