/* TakeOver = 2: the person is asked whether to take the session over from where it is connected. */
#pragma once

#include <stdint.h>

struct peer;
struct session;

/* Answers a logon with the question: who has the session, and since when. */
void question_put(struct peer *peer, uint64_t serial, const struct session *session);
