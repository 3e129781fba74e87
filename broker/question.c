#include "broker/question.h"

#include "broker/peers.h"
#include "broker/sessions.h"
#include "common/clock.h"

void question_put(struct peer *peer, uint64_t serial, const struct session *session)
{
    Lodge__Lsm__TakeOverQuestion question = LODGE__LSM__TAKE_OVER_QUESTION__INIT;
    Lodge__Lsm__Client client = LODGE__LSM__CLIENT__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    client.name = (char *)session->client.name;
    client.address = (char *)session->client.address;
    question.session = session->id;
    question.client = &client;
    question.connect_ms = session->connect_ms;
    question.now_ms = (uint64_t)clock_real_ms();
    answer.result_case = LODGE__LSM__ANSWER__RESULT_QUESTION;
    answer.question = &question;
    peer_answer(peer, serial, &answer, -1);
}
