/* What a request of an outsider goes through before its method acts: unpacked, its method found, its client
 * taken, and told again. */
#include "broker/client.h"
#include "broker/methods.h"
#include "common/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_client(const Lodge__Lsm__Client *message)
{
    struct client client;
    Lodge__Lsm__Client told;
    if (message == NULL || !client_take(message, &client))
        return;
    client_tell(&client, &told);
    struct client again;
    bool same = client_take(&told, &again) && again.width == client.width && again.height == client.height;
    if (!same || !text_is_printable(client.name) || !text_is_printable(client.security))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Lodge__Lsm__Request *request = lodge__lsm__request__unpack(NULL, size, data);
    if (request == NULL)
        return 0;
    if ((size_t)request->method_case >= method_count)
        __builtin_trap();
    if (request->method_case == LODGE__LSM__REQUEST__METHOD_LOGON)
        check_client(request->logon->client);
    else if (request->method_case == LODGE__LSM__REQUEST__METHOD_ANNOUNCE)
        check_client(request->announce->client);
    else if (request->method_case == LODGE__LSM__REQUEST__METHOD_CLIENT)
        check_client(request->client->client);
    lodge__lsm__request__free_unpacked(request, NULL);
    return 0;
}
