#include "logon/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/text.h"

/* Returns false when the bytes are no address of this family. */
static bool spell(int family, const char *text, size_t length, char *host_r, size_t size)
{
    unsigned char address[sizeof(struct in6_addr)];
    char copy[ADDRESS_HOST_ROOM];
    if (length >= sizeof(copy))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return inet_pton(family, copy, address) == 1 &&
           inet_ntop(family, address, host_r, (socklen_t)size) != NULL;
}

static bool is_port(const char *text)
{
    long port;
    return text[0] == '\0' || (text[0] == ':' && text_number(text + 1, 0, 65535, &port));
}

bool address_host(const char *client, char *host_r, size_t size)
{
    size_t length = strcspn(client, ":");
    const char *end = strchr(client, ']');
    host_r[0] = '\0';
    if (client[0] == '[' && end != NULL && is_port(end + 1) &&
        spell(AF_INET6, client + 1, (size_t)(end - client) - 1, host_r, size))
        return true;
    if ((is_port(client + length) && spell(AF_INET, client, length, host_r, size)) ||
        spell(AF_INET6, client, strlen(client), host_r, size))
        return true;
    host_r[0] = '\0';
    return false;
}
