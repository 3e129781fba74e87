/* Sessions whose end nobody saw: the machine lost its power, or everything was killed. The first broker after
 * it completes the history. */
#pragma once

struct broker;

/* Once, when lodge-smss has told every session there is: ends in the history what is not among them. */
void unended_look(struct broker *broker);
void unended_free(struct broker *broker);
