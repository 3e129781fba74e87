#include "common/conf.h"

#include "tests/check.h"

static void refused(const char *text, const char *want)
{
    struct conf conf, before;
    char error[512] = "";
    conf_defaults(&conf);
    before = conf;
    CHECK(!conf_parse(&conf, "f", text, strlen(text), error, sizeof(error)));
    CHECK_TEXT(error, want);
    CHECK(memcmp(&conf, &before, sizeof(conf)) == 0);
}

/* The first section in the file that sets a key gives it; one that does not set it gives nothing. */
static void holds_for(const struct conf *conf, conf_members members, long max_idle, long take_over,
                      long timeout_action)
{
    CHECK(conf_number_for(conf, members, CONF_GROUP_max_idle) == max_idle);
    CHECK(conf_number_for(conf, members, CONF_GROUP_take_over) == take_over);
    CHECK(conf_number_for(conf, members, CONF_GROUP_timeout_action) == timeout_action);
}

static void values_are_read(struct conf *conf)
{
    char error[512] = "", path[512];
    conf_defaults(conf);
    CHECK(conf->port == 3389 && conf->single_session == 1);
    CHECK_TEXT(conf->run_directory, "/run/lodge");
    CHECK_TEXT(conf_run_path(conf, "ports/sm.port", path, sizeof(path)), "/run/lodge/ports/sm.port");
    for (size_t i = 0; i < conf_key_count; i++)
        CHECK(conf_key_help(i)[0] != '\0' && conf_keys[i].minimum <= conf_keys[i].maximum);

    static const char good[] = "# comment\n\n[Listener]\n port = 4000 \r\n[sessions]\nDesktop=a b=c\n; end";
    CHECK(conf_parse(conf, "f", good, strlen(good), error, sizeof(error)));
    CHECK(conf->port == 4000);
    CHECK_TEXT(conf->desktop, "a b=c");
    static const char switches[] = "[LoadTest]\nVirtualSessions = YES\n[Sessions]\nSingleSessionPerUser = no";
    struct conf switched = *conf;
    CHECK(conf->virtual_sessions == 0);
    CHECK(conf_parse(&switched, "f", switches, strlen(switches), error, sizeof(error)));
    CHECK(switched.virtual_sessions == 1 && switched.single_session == 0);
    refused("[Sessions]\nLogoffSeconds = yes",
            "f:2: LogoffSeconds is \"yes\", but must be a number from 0 to 600");
}

static void what_makes_no_sense_is_refused(void)
{
    refused("[Listener]\nPort = 70000", "f:2: Port is \"70000\", but must be a number from 1 to 65535");
    refused("[Listener]\nPort = 1\nPort = 2", "f:3: Port is set again; line 2 set it first");
    refused("Port = 1", "f:1: there is no key \"Port\" in section []");
    refused("[Nothing]", "f:1: there is no section \"Nothing\"");
    refused("[Listener", "f:1: the section \"[Listener\" lacks its closing ]");
    refused("[Listener]\nnonsense", "f:2: \"nonsense\" is neither [section] nor key = value");
    refused("[Server]\nRunDirectory = run",
            "f:2: RunDirectory is \"run\", but must be a path that starts with /");
    refused("[Sessions]\nDesktop = \033[2J",
            "f:2: Desktop is \"\\x1b[2J\", but must be text of 0 to 255 printable bytes");
}

static void groups_override(struct conf *conf)
{
    char error[512] = "";
    static const char groups[] =
        "[group  staff]\nMaxIdleSeconds=5\ntakeover = 0\n[Sessions]\nMaxIdleSeconds = 9\n"
        "[Group pupils]\nMaxIdleSeconds = 7\nTimeoutAction = 2\n";
    CHECK(conf_parse(conf, "f", groups, strlen(groups), error, sizeof(error)) && conf->group_count == 2);
    CHECK_TEXT(conf->groups[0].name, "staff");
    holds_for(conf, 0, 9, 1, 1);
    holds_for(conf, 3, 5, 0, 2);
    holds_for(conf, 2, 7, 1, 2);
}

static void hours_are_read(struct conf *conf)
{
    char error[512] = "", path[512];
    static const char hours[] = "[Group staff]\nLogonHours = Mon 09:00-10:00\n[Sessions]\nLogonHours = Tue\n";
    conf_defaults(conf);
    CHECK(conf_parse(conf, "f", hours, strlen(hours), error, sizeof(error)));
    CHECK_TEXT(conf_text_for(conf, 1, CONF_GROUP_logon_hours), "Mon 09:00-10:00");
    CHECK(conf_group_of(conf, 1, CONF_GROUP_logon_hours) == &conf->groups[0]);
    CHECK(conf_group_of(conf, 1, CONF_GROUP_hours_action) == NULL);
    CHECK_TEXT(conf_text_for(conf, 0, CONF_GROUP_logon_hours), "Tue");
    CHECK_TEXT(conf_group_value(&conf->groups[0], CONF_GROUP_logon_hours, path, sizeof(path)),
               "Mon 09:00-10:00");
    refused("[Sessions]\nLogonHours = Mon 9-10",
            "f:2: LogonHours is \"Mon 9-10\", but must be hours such as \"Mon-Fri 07:00-19:00, Sat "
            "22:00-02:00\", in at most 12 rules");
    refused("[Group a]\n\nLogonHours = never",
            "f:3: LogonHours is \"never\", but must be hours such as \"Mon-Fri 07:00-19:00, Sat "
            "22:00-02:00\", in at most 12 rules");
}

static void windows_names_are_known(struct conf *conf)
{
    char error[512] = "";
    static const char names[] =
        "[Sessions]\nfsinglesessionperuser = 0\nMaxIdleTime = 60000\nfResetBroken = 1\n"
        "[Group pupils]\nMaxDisconnectionTime = 5000\n";
    CHECK(conf_parse(conf, "f", names, strlen(names), error, sizeof(error)));
    CHECK(conf->single_session == 0 && conf->max_idle == 60 && conf->broken_connection == 2);
    CHECK(conf_number_for(conf, 2, CONF_GROUP_max_disconnected) == 5); /* beside the section of before */
    static const char redirects[] =
        "[Sessions]\nfDisableClip = 1\nfDisableCdm = 0\nfDisableAudioCapture = 0\n"
        "[Group guests]\nClipboard = 1\nfDisableCam = 1\n";
    CHECK(conf_parse(conf, "f", redirects, strlen(redirects), error, sizeof(error)));
    conf_members guests = (conf_members)(1U << (conf->group_count - 1));
    CHECK(conf->clipboard == 0 && conf->drives == 1 && conf->audio_playback == 1 && conf->audio_capture == 1);
    CHECK(conf_number_for(conf, guests, CONF_GROUP_clipboard) == 1);
    CHECK(conf_number_for(conf, guests, CONF_GROUP_audio_playback) == 0);
    refused("[Sessions]\nfDisableClip = 2",
            "f:2: fDisableClip is \"2\", but must be a number from 0 to 1; Lodge's own key is Clipboard");
    refused("[Sessions]\nClipboard = 4", "f:2: Clipboard is \"4\", but must be a number from 0 to 3");
    refused("[Sessions]\nMaxIdleTime = 1500",
            "f:2: MaxIdleTime is \"1500\", but must be a number from 0 to 31536000000, milliseconds in whole "
            "seconds; Lodge's own key is MaxIdleSeconds");
    refused(
        "[Group a]\nfResetBroken = 2",
        "f:2: fResetBroken is \"2\", but must be a number from 0 to 1; Lodge's own key is BrokenConnection");
    refused("[Sessions]\nMaxIdleTime = 1000\nMaxIdleSeconds = 1",
            "f:3: MaxIdleSeconds is set again; line 2 set it first");
    refused("[Server]\nfDenyTSConnections = 1",
            "f:2: there is no key \"fDenyTSConnections\" in section [Server]");
}

static void what_groups_may_not_have_is_refused(void)
{
    refused("[Sessions]\nHome = %u",
            "f:2: Home is \"%u\", but must be a path that starts with /, in which %u is the name");
    refused("[Group a]\nHome = /srv/%n",
            "f:2: Home is \"/srv/%n\", but must be a path that starts with /, in which %u is the name");
    refused("[Group a]\nHome = /srv/../%u",
            "f:2: Home is \"/srv/../%u\", but must be a path that starts with /, in which %u is the name");
    refused("[Group a]\nCpuWeight = 0", "f:2: CpuWeight is \"0\", but must be a number from 1 to 10000");
    refused("[Group a]\nLogonHours = Mon\nLogonHours = Mon",
            "f:3: LogonHours is set again; line 2 set it first");
    refused("[Group a]\nMaxIdleSeconds = -1",
            "f:2: MaxIdleSeconds is \"-1\", but must be a number from 0 to 31536000");
    refused("[Group a]\nMaxIdleSeconds = 1\nMaxIdleSeconds = 1",
            "f:3: MaxIdleSeconds is set again; line 2 set it first");
    refused("[Group a]\n[Group b]\n[Group a]", "f:3: the section [Group a] is there twice");
    refused("[Group a]\nPort = 1", "f:2: there is no key \"Port\" in a section [Group]");
    refused("[Group a]\nReservedSeats = 1", "f:2: there is no key \"ReservedSeats\" in a section [Group]");
    refused("[Group a]\nMaxSessions = 0", "f:2: MaxSessions is \"0\", but must be a number from 1 to 65535");
    refused("[Group  ]", "f:1: the name of a group has 1 to 32 bytes");
}

/* One by one they are what the whole is. */
static void values_are_copied(const struct conf *conf)
{
    char value[CONF_TEXT_MAX + 1];
    struct conf other;
    conf_defaults(&other);
    for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
        CHECK_TEXT(conf_value(&other, &conf_keys[i], value, sizeof(value)), conf_keys[i].initial);
        conf_copy_value(&other, conf, &conf_keys[i]);
    }
    other.group_count = conf->group_count;
    memcpy(other.groups, conf->groups, sizeof(conf->groups));
    CHECK(memcmp(&other, conf, sizeof(*conf)) == 0);
}

static void lines_are_told(void)
{
    char error[512] = "";
    struct conf other;
    static const char path_of_file[] = "test-conf.conf";
    unsigned lines[CONF_KEY_COUNT] = {7};
    FILE *file = fopen(path_of_file, "w");
    CHECK(file != NULL && fputs("[Listener]\n\nPort = 4001\n", file) >= 0 && fclose(file) == 0);
    CHECK(conf_load_lines(&other, lines, path_of_file, error, sizeof(error)) && other.port == 4001);
    CHECK(remove(path_of_file) == 0);
    for (size_t i = 0; i < CONF_KEY_COUNT; i++)
        CHECK(lines[i] == (strcmp(conf_keys[i].key, "Port") == 0 ? 3u : 0));
}

int main(void)
{
    struct conf conf;
    char error[512];
    values_are_read(&conf);
    what_makes_no_sense_is_refused();
    groups_override(&conf);
    hours_are_read(&conf);
    windows_names_are_known(&conf);
    what_groups_may_not_have_is_refused();
    values_are_copied(&conf);
    lines_are_told();
    CHECK(!conf_parse(&conf, "f", "a\0b", 3, error, sizeof(error)));
    CHECK(!conf_load(&conf, "/nonexistent/lodge.conf", error, sizeof(error)));
    return 0;
}
