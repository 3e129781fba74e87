/* Events to a played journal and a played syslog: what they read, and that nobody waits for them. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "broker/outlet.h"
#include "common/clock.h"
#include "common/event.h"
#include "tests/check.h"

static char directory[] = "/tmp/lodge-test-outlet-XXXXXX";
static char path[100];

static int listen_at(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

static const char *receive(int fd)
{
    static char text[OUTLET_ROOM + 1];
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    CHECK(poll(&wait, 1, 10000) == 1);
    ssize_t size = recv(fd, text, sizeof(text) - 1, 0);
    CHECK(size > 0);
    text[size] = '\0';
    return text;
}

static struct conf conf_for(const char *kind)
{
    struct conf conf;
    char error[200];
    conf_defaults(&conf);
    snprintf(conf.syslog, sizeof(conf.syslog), "%s", kind);
    snprintf(conf.syslog_socket, sizeof(conf.syslog_socket), "%s", path);
    CHECK(outlet_check(&conf, error, sizeof(error)));
    return conf;
}

static const struct db_event refused = {.time_ms = 1777636805000,
                                        .id = EVENT_REFUSED,
                                        .session = 3,
                                        .user = "J\xc3\xbcrgen\nPRIORITY=0\n",
                                        .address = "10.0.0.1:5",
                                        .reason = "bad-credentials",
                                        .detail = "a \"b\" \\ c\r\n<0>kernel: forged"};

static void the_journal_gets_fields(void)
{
    struct outlet outlet = {0};
    struct conf conf = conf_for("journal");
    int fd = listen_at();
    outlet_configure(&outlet, &conf);
    outlet_put(&outlet, &refused);
    CHECK_TEXT(
        receive(fd),
        "MESSAGE=refused, session 3, J\xc3\xbcrgen\\x0aPRIORITY=0\\x0a, 10.0.0.1:5, bad-credentials: a "
        "\"b\" \\ c\\x0d\\x0a<0>kernel: forged\n"
        "PRIORITY=5\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=lodge-broker\nLODGE_EVENT=1000\n"
        "LODGE_TIME_MS=1777636805000\nLODGE_EVENT_NAME=refused\nLODGE_SESSION=3\n"
        "LODGE_USER=J\xc3\xbcrgen\\x0aPRIORITY=0\\x0a\nLODGE_ADDRESS=10.0.0.1:5\n"
        "LODGE_REASON=bad-credentials\nLODGE_DETAIL=a \"b\" \\ c\\x0d\\x0a<0>kernel: forged\n");
    outlet_close(&outlet);
    close(fd);
}

static void syslog_gets_one_line(void)
{
    char text[OUTLET_ROOM];
    size_t size = outlet_make_syslog(&refused, 1777636805, 77, text);
    CHECK(size == strlen(text) && strchr(text, '\n') == NULL);
    CHECK_TEXT(text, "<29>May  1 12:00:05 lodge-broker[77]: refused id=1000 session=3 "
                     "user=\"J\xc3\xbcrgen\\x0aPRIORITY=0\\x0a\" address=\"10.0.0.1:5\" "
                     "reason=\"bad-credentials\" "
                     "detail=\"a \\x22b\\x22 \\x5c c\\x0d\\x0a<0>kernel: forged\"");
    struct db_event longest = refused;
    memset(longest.user, 1, sizeof(longest.user) - 1);
    memset(longest.address, '"', sizeof(longest.address) - 1);
    memset(longest.detail, 2, sizeof(longest.detail) - 1);
    size = outlet_make_syslog(&longest, 0, 77, text);
    CHECK(size == strlen(text) && size > 3000 && text[size - 1] == '"');
    size = outlet_make_journal(&longest, text);
    CHECK(size == strlen(text) && size > 6000 && text[size - 1] == '\n');
    struct outlet outlet = {0};
    struct conf conf = conf_for("syslog");
    int fd = listen_at();
    outlet_configure(&outlet, &conf);
    outlet_put(&outlet, &(struct db_event){.id = EVENT_LOGON, .reason = "none"});
    CHECK(strstr(receive(fd), "]: logon id=21") != NULL);
    outlet_close(&outlet);
    close(fd);
}

static void nobody_waits(void)
{
    struct outlet outlet = {0};
    struct conf conf = conf_for("journal");
    int fd = listen_at();
    uint64_t sent = 2000, taken = 0;
    outlet_configure(&outlet, &conf);
    int64_t start = clock_monotonic_ms();
    for (uint64_t i = 0; i < sent; i++)
        outlet_put(&outlet, &refused); /* nobody reads */
    CHECK(clock_monotonic_ms() - start < 5000);
    CHECK(outlet.lost > 0 && outlet.lost < sent && outlet.failed == EAGAIN);
    CHECK(outlet_take_lost(&outlet) == 0);
    char text[OUTLET_ROOM];
    while (recv(fd, text, sizeof(text), MSG_DONTWAIT) > 0)
        taken++;
    CHECK(taken + outlet.lost == sent);
    outlet_put(&outlet, &refused);
    CHECK(outlet.failed == 0 && outlet_take_lost(&outlet) == sent - taken && outlet_take_lost(&outlet) == 0);
    outlet_close(&outlet);
    close(fd);
}

static void one_that_comes_back_is_found(void)
{
    struct outlet outlet = {0};
    struct conf conf = conf_for("syslog");
    unlink(path);
    outlet_configure(&outlet, &conf);
    outlet_put(&outlet, &refused);
    CHECK(outlet.lost == 1 && outlet.failed == ENOENT);
    int fd = listen_at();
    int64_t deadline = clock_monotonic_ms() + 20000;
    while (outlet.failed != 0) {
        CHECK(clock_monotonic_ms() < deadline);
        outlet_put(&outlet, &refused);
        poll(NULL, 0, 20);
    }
    receive(fd);
    close(fd);
    fd = listen_at(); /* it was started anew */
    outlet.again_at = 0;
    outlet_put(&outlet, &refused);
    CHECK(outlet.failed == 0);
    receive(fd);
    outlet_close(&outlet);
    close(fd);
}

static void what_makes_no_sense_is_refused(void)
{
    struct conf conf;
    char error[200] = "";
    conf_defaults(&conf);
    CHECK(outlet_check(&conf, error, sizeof(error)));
    snprintf(conf.syslog, sizeof(conf.syslog), "yes");
    CHECK(!outlet_check(&conf, error, sizeof(error)) && strstr(error, "Syslog must be") != NULL);
    snprintf(conf.syslog, sizeof(conf.syslog), "auto");
    snprintf(conf.syslog_socket, sizeof(conf.syslog_socket), "/x");
    CHECK(!outlet_check(&conf, error, sizeof(error)) && strstr(error, "SyslogSocket") != NULL);
}

int main(void)
{
    CHECK(setenv("TZ", "UTC", 1) == 0);
    CHECK(mkdtemp(directory) != NULL);
    snprintf(path, sizeof(path), "%s/socket", directory);
    the_journal_gets_fields();
    syslog_gets_one_line();
    nobody_waits();
    one_that_comes_back_is_found();
    what_makes_no_sense_is_refused();
    unlink(path);
    return rmdir(directory);
}
