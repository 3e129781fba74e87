#include "broker/survey.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "broker/broker.h"
#include "broker/peers.h"
#include "common/packet.h"

#define STACK_BYTES (256 * 1024)

struct surveys {
    TAILQ_HEAD(, survey) running;
    unsigned counts[SURVEY_KINDS];
    struct event_base *base;
    struct event *readable;
    pthread_mutex_t lock;
    STAILQ_HEAD(, survey) finished; /* under the lock */
    int notice;                     /* an eventfd: something is finished; -1: nobody listens */
};

static void *run(void *context)
{
    struct survey *survey = context;
    struct surveys *surveys = survey->surveys;
    survey->work(survey);
    pthread_mutex_lock(&surveys->lock);
    STAILQ_INSERT_TAIL(&surveys->finished, survey, finished);
    if (surveys->notice >= 0)
        eventfd_write(surveys->notice, 1);
    pthread_mutex_unlock(&surveys->lock);
    return NULL;
}

/* The thread takes no signal: those are the loop's. */
static bool start_thread(struct survey *survey)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread, &attributes, run, survey);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failed == 0;
}

static void leave_peer(struct survey *survey)
{
    if (survey->peer != NULL)
        survey->peer->survey = NULL;
    survey->peer = NULL;
    if (survey->deadline != NULL)
        event_free(survey->deadline);
    survey->deadline = NULL;
}

static void finish(struct survey *survey)
{
    struct peer *peer = survey->peer;
    TAILQ_REMOVE(&survey->surveys->running, survey, running);
    survey->surveys->counts[survey->kind]--;
    leave_peer(survey);
    if (peer != NULL) {
        survey->peer = peer;
        survey->answer(survey);
    }
    survey->release(survey);
}

static struct survey *take_finished(struct surveys *surveys)
{
    pthread_mutex_lock(&surveys->lock);
    struct survey *survey = STAILQ_FIRST(&surveys->finished);
    if (survey != NULL)
        STAILQ_REMOVE_HEAD(&surveys->finished, finished);
    pthread_mutex_unlock(&surveys->lock);
    return survey;
}

static void on_notice(evutil_socket_t fd, short what, void *context)
{
    struct survey *survey;
    eventfd_t count;
    (void)what;
    eventfd_read(fd, &count);
    while ((survey = take_finished(context)) != NULL)
        finish(survey);
}

static void on_deadline(evutil_socket_t fd, short what, void *context)
{
    struct survey *survey = context;
    struct peer *peer = survey->peer;
    (void)fd, (void)what;
    leave_peer(survey);
    peer_refuse(peer, survey->serial, REASON_TIMED_OUT,
                "A process of the session keeps the server from reading about it.");
}

struct surveys *surveys_start(struct event_base *base)
{
    struct surveys *surveys = calloc(1, sizeof(*surveys));
    if (surveys == NULL)
        return NULL;
    TAILQ_INIT(&surveys->running);
    STAILQ_INIT(&surveys->finished);
    surveys->base = base;
    pthread_mutex_init(&surveys->lock, NULL);
    surveys->notice = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (surveys->notice >= 0)
        surveys->readable = event_new(base, surveys->notice, EV_READ | EV_PERSIST, on_notice, surveys);
    if (surveys->readable != NULL && event_add(surveys->readable, NULL) == 0)
        return surveys;
    if (surveys->readable != NULL)
        event_free(surveys->readable);
    close_descriptor(&surveys->notice);
    free(surveys);
    return NULL;
}

void surveys_stop(struct surveys **surveys)
{
    struct surveys *old = *surveys;
    struct survey *survey;
    if (old == NULL)
        return;
    while ((survey = take_finished(old)) != NULL)
        finish(survey);
    event_free(old->readable);
    TAILQ_FOREACH(survey, &old->running, running)
    {
        leave_peer(survey);
    }
    pthread_mutex_lock(&old->lock);
    close_descriptor(&old->notice);
    bool idle = TAILQ_EMPTY(&old->running);
    pthread_mutex_unlock(&old->lock);
    if (!idle)
        return; /* its threads hold it */
    pthread_mutex_destroy(&old->lock);
    free(old);
    *surveys = NULL;
}

static bool may_start(const struct surveys *surveys, const struct survey *survey)
{
    const struct survey *other;
    unsigned same = 0;
    TAILQ_FOREACH(other, &surveys->running, running)
    {
        same += survey->session != 0 && other->session == survey->session;
    }
    return surveys->counts[survey->kind] < SURVEY_MOST && same < SURVEY_PER_SESSION;
}

static bool start(struct survey *survey)
{
    struct surveys *surveys = survey->surveys;
    struct timeval deadline = {.tv_sec = SURVEY_MS / 1000};
    survey->deadline = evtimer_new(surveys->base, on_deadline, survey);
    if (survey->deadline == NULL || evtimer_add(survey->deadline, &deadline) != 0 || !start_thread(survey))
        return false;
    TAILQ_INSERT_TAIL(&surveys->running, survey, running);
    surveys->counts[survey->kind]++;
    return true;
}

void survey_begin(struct peer *peer, uint64_t serial, struct survey *survey)
{
    survey->surveys = peer->broker->surveys;
    survey->serial = serial;
    if (peer->survey == NULL && may_start(survey->surveys, survey)) {
        survey->peer = peer;
        peer->survey = survey;
        if (start(survey))
            return;
        leave_peer(survey);
    }
    peer_refuse(peer, serial, REASON_BUSY, "Too many look at the processes of sessions. Try again.");
    survey->release(survey);
}

void survey_forget_peer(struct peer *peer)
{
    if (peer->survey != NULL)
        leave_peer(peer->survey);
}
