/* The clipboard's part of a worker, told anything by either side: nothing goes the way that is not allowed.
 * Input: the allowed bits, then messages: a byte for who says it, two for its length, the message. */
#include "common/wire.h"
#include "rdp-front/clipboard.h"
#include "rdp-front/cliprdr.h"

static uint32_t allowed;

void redirect_to_client(struct redirect *redirect, unsigned channel, const void *data, size_t size)
{
    struct cliprdr_message message;
    struct cliprdr_list list = {0};
    (void)redirect;
    if (channel != 0 || cliprdr_read(data, size, &message) != NULL)
        __builtin_trap();
    if (message.type == CLIPRDR_LIST && cliprdr_read_list(&message, true, &list) == NULL && list.any &&
        !(allowed & REDIRECT_CLIPBOARD_OUT))
        __builtin_trap();
    if (message.type == CLIPRDR_ANSWER && message.flags == CLIPRDR_OK && !(allowed & REDIRECT_CLIPBOARD_OUT))
        __builtin_trap();
    if (message.type == CLIPRDR_REQUEST && !(allowed & REDIRECT_CLIPBOARD_IN))
        __builtin_trap();
}

void redirect_to_session(struct redirect *redirect, const void *data, size_t size)
{
    struct clipboard_packet packet;
    (void)redirect;
    if (clipboard_decode(data, size, &packet) != NULL)
        __builtin_trap();
    if ((packet.type == CLIPBOARD_OFFER || packet.type == CLIPBOARD_DATA) &&
        !(allowed & REDIRECT_CLIPBOARD_IN))
        __builtin_trap();
    if (packet.type == CLIPBOARD_ASK && !(allowed & REDIRECT_CLIPBOARD_OUT))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_reader reader = wire_reader_over(data, size);
    allowed = wire_get_u8(&reader) & (REDIRECT_CLIPBOARD_IN | REDIRECT_CLIPBOARD_OUT);
    void *state = clipboard_part.open(NULL, allowed);
    if (state == NULL)
        return 0;
    const char *problem = clipboard_part.client_there(state, 0);
    while (problem == NULL && reader.used < reader.size && !reader.failed) {
        unsigned who = wire_get_u8(&reader) % 4;
        size_t length = who < 2 ? wire_get_u16(&reader) : 0;
        const uint8_t *message = wire_get_bytes(&reader, length);
        if (message == NULL)
            break;
        if (who == 0)
            problem = clipboard_part.from_client(state, 0, message, length);
        else if (who == 1)
            problem = clipboard_part.from_session(state, message, length);
        else if (who == 2)
            problem = clipboard_part.session_there(state);
        else
            clipboard_part.session_gone(state);
    }
    clipboard_part.close(state);
    return 0;
}
