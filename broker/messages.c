#include "broker/messages.h"

#include <stdlib.h>
#include <string.h>

#include "broker/broker.h"
#include "broker/link.h"
#include "broker/peers.h"
#include "common/text.h"
#include "rpc/winstation.h"

#define ID_ASYNC 32001 /* WTSSendMessage's answer when nobody waits for the person's */

static void answer(struct peer *peer, uint64_t serial, uint32_t response)
{
    Lodge__Lsm__MessageAnswer body = LODGE__LSM__MESSAGE_ANSWER__INIT;
    Lodge__Lsm__Answer message = LODGE__LSM__ANSWER__INIT;
    body.response = response;
    message.result_case = LODGE__LSM__ANSWER__RESULT_MESSAGE;
    message.message = &body;
    peer_answer(peer, serial, &message, -1);
}

/* Lines may be there, and no other control character. */
static bool is_text(const char *text)
{
    if (!text_is_utf8(text, strlen(text)))
        return false;
    for (; *text != '\0'; text++) {
        if (((unsigned char)*text < ' ' && *text != '\n' && *text != '\t') || *text == 0x7f)
            return false;
    }
    return true;
}

static bool take(const Lodge__Lsm__MessageRequest *asked, struct winstation_message *message_r)
{
    *message_r = (struct winstation_message){.style = asked->style, .timeout_s = asked->timeout_s};
    return is_text(asked->text) && text_is_printable(asked->title) && asked->text[0] != '\0' &&
           text_copy(message_r->title, sizeof(message_r->title), asked->title) &&
           text_copy(message_r->text, sizeof(message_r->text), asked->text);
}

void messages_show(struct peer *peer, uint64_t serial, struct session *session,
                   const Lodge__Lsm__MessageRequest *asked)
{
    struct winstation_message message;
    if (!take(asked, &message)) {
        peer_refuse(peer, serial, REASON_BAD_REQUEST, "The text is missing, too long, or no text.");
    } else if (asked->wait && peer->ask != NULL) {
        peer_refuse(peer, serial, REASON_WRONG_STATE,
                    "Another request of this connection waits for a session's answer.");
    } else if (session->viewer == 0 || session->state == SESSION_DOWN) {
        peer_refuse(peer, serial, REASON_WRONG_STATE, "Nobody is connected to it.");
    } else if ((message.serial = ++peer->broker->message_number,
                !link_send(session, WINSTATION_MESSAGE, &message))) {
        peer_refuse(peer, serial, REASON_WRONG_STATE, "Its display agent cannot be reached at the moment.");
    } else if (!asked->wait) {
        answer(peer, serial, ID_ASYNC);
    } else if (!ask_add(peer, serial, session, ASK_MESSAGE, message.serial)) {
        peer_refuse(peer, serial, REASON_INTERNAL, "");
    }
}

void messages_answered(struct session *session, uint64_t number, uint32_t response)
{
    uint64_t serial;
    struct peer *peer = ask_take(session, ASK_MESSAGE, number, &serial);
    if (peer == NULL)
        return;
    if (response != 0)
        answer(peer, serial, response);
    else
        peer_refuse(peer, serial, REASON_WRONG_STATE, "The session could not show it.");
}
