#include "logon/home.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/check.h"

static struct failure failure;

static struct identity who(const char *name)
{
    struct identity identity = {.account = SM_ACCOUNT_SYSTEM, .uid = getuid(), .home = "/before"};
    snprintf(identity.name, sizeof(identity.name), "%s", name);
    return identity;
}

static void refused(struct identity identity, const char *template, const char *want)
{
    CHECK(!home_find(&identity, template, &failure));
    CHECK(strstr(failure.text, want) != NULL);
    CHECK_TEXT(identity.home, "/before");
}

int main(void)
{
    char folder[] = "/tmp/lodge-test-home-XXXXXX", path[300], template[300], name[256];
    struct identity identity = who("anna");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/anna", folder);
    snprintf(template, sizeof(template), "%s/%%u", folder);
    CHECK(mkdir(path, 0700) == 0);
    CHECK(home_find(&identity, template, &failure));
    CHECK_TEXT(identity.home, path);
    identity = who("anna");
    CHECK(home_find(&identity, "", &failure));
    CHECK_TEXT(identity.home, "/before");
    identity.account = SM_ACCOUNT_LAB;
    CHECK(home_find(&identity, "/nowhere/%u", &failure));
    CHECK_TEXT(identity.home, "/before");

    refused(who("bert"), template, "cannot be had");
    refused(who("../anna"), template, "makes no path");
    refused(who(".."), template, "makes no path");
    refused(who("anna"), "homes/%u", "makes no path");
    refused(who("anna"), "/tmp/../tmp/%u", "makes no path");
    memset(name, 'a', sizeof(name) - 1);
    name[250] = '\0';
    refused(who(name), template, "makes no path");
    identity = who("anna");
    identity.uid = getuid() + 1;
    refused(identity, template, "is not the user's own");
    snprintf(template, sizeof(template), "%s/link-%%u", folder);
    snprintf(name, sizeof(name), "%s/link-anna", folder);
    CHECK(symlink(path, name) == 0);
    refused(who("anna"), template, "cannot be had");
    CHECK(unlink(name) == 0 && rmdir(path) == 0 && rmdir(folder) == 0);
    return 0;
}
