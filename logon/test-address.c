#include "logon/address.h"
#include "tests/check.h"

int main(void)
{
    static const struct {
        const char *client, *host; /* NULL: refused */
    } cases[] = {
        {"192.0.2.7:50123", "192.0.2.7"},
        {"192.0.2.7", "192.0.2.7"},
        {"[2001:DB8::7]:50123", "2001:db8::7"},
        {"[2001:db8::7]", "2001:db8::7"},
        {"2001:db8::7", "2001:db8::7"},
        {"::1", "::1"},
        {"", NULL},
        {"?", NULL},
        {"host.example:3", NULL},
        {"192.0.2.7:", NULL},
        {"192.0.2.7:x", NULL},
        {"192.0.2.7:70000", NULL},
        {"192.0.2.300:1", NULL},
        {"192.0.2:1", NULL},
        {"192.0.2.7:1 ", NULL},
        {"192.0.2.7\n", NULL},
        {"[192.0.2.7]:1", NULL},
        {"[2001:db8::7", NULL},
        {"[2001:db8::7]x", NULL},
        {"[]:1", NULL},
        {"[fe80::1%eth0]:1", NULL},
        {"1111111111111111111111111111111111111111111111111111111111111111111111111111111111", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char host[ADDRESS_HOST_ROOM];
        bool good = address_host(cases[i].client, host, sizeof(host));
        CHECK(good == (cases[i].host != NULL));
        CHECK_TEXT(host, cases[i].host != NULL ? cases[i].host : "");
    }
    return 0;
}
