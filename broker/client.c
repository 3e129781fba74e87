#include "broker/client.h"

#include "common/redirect.h"
#include "common/text.h"
#include "rpc/winstation.h"

static bool take_text(char *to, size_t size, const char *from)
{
    return text_is_printable(from) && text_copy(to, size, from);
}

static uint16_t bound(uint32_t value, uint32_t most)
{
    if (value < WINSTATION_MIN_SIZE)
        return WINSTATION_MIN_SIZE;
    return (uint16_t)(value > most ? most : value);
}

bool client_take(const Lodge__Lsm__Client *message, struct client *client_r)
{
    struct client client = {.keyboard_layout = message->keyboard_layout,
                            .build = message->build,
                            .redirects = message->redirects & REDIRECT_ALL};
    if (!take_text(client.name, sizeof(client.name), message->name) ||
        !take_text(client.address, sizeof(client.address), message->address) ||
        !take_text(client.codec, sizeof(client.codec), message->codec) ||
        !take_text(client.platform, sizeof(client.platform), message->platform) ||
        !take_text(client.product, sizeof(client.product), message->product) ||
        !take_text(client.security, sizeof(client.security), message->security))
        return false;
    client.width = bound(message->width, WINSTATION_MAX_WIDTH);
    client.height = bound(message->height, WINSTATION_MAX_HEIGHT);
    *client_r = client;
    return true;
}

void client_tell(const struct client *client, Lodge__Lsm__Client *message_r)
{
    lodge__lsm__client__init(message_r);
    message_r->name = (char *)client->name;
    message_r->address = (char *)client->address;
    message_r->codec = (char *)client->codec;
    message_r->platform = (char *)client->platform;
    message_r->product = (char *)client->product;
    message_r->security = (char *)client->security;
    message_r->width = client->width;
    message_r->height = client->height;
    message_r->keyboard_layout = client->keyboard_layout;
    message_r->build = client->build;
    message_r->redirects = client->redirects;
}
