#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/redirect.h"
#include "redirect/audio-server.h"
#include "redirect/audio-state.h"

/* A server that was started answers within that. */
#define RETRY_USEC 100000
#define TRIES_MOST 300

static void context_try(struct audio *audio);

void audio_asked(struct audio *audio, pa_operation *operation)
{
    if (operation != NULL)
        pa_operation_unref(operation);
    else
        audio_end(audio, 1); /* the server has just gone */
}

static void on_retry(pa_mainloop_api *api, pa_time_event *event, const struct timeval *when, void *user)
{
    (void)event, (void)when;
    struct audio *audio = user;
    api->time_free(audio->retry);
    audio->retry = NULL;
    pa_context_unref(audio->context);
    audio->context = NULL;
    context_try(audio);
}

static void retry(struct audio *audio, pa_usec_t after)
{
    struct timeval when;
    pa_gettimeofday(&when);
    pa_timeval_add(&when, after);
    audio->retry = audio->api->time_new(audio->api, &when, on_retry, audio);
    if (audio->retry == NULL)
        audio_end(audio, 1);
}

/* Nobody answers: a server is started, once; a while later there is none. */
static void on_refused(struct audio *audio)
{
    int failed = 0;
    if (!audio->started)
        failed = audio_server_start();
    else if (++audio->tries > TRIES_MOST)
        failed = -ETIMEDOUT;
    bool first = !audio->started;
    audio->started = true;
    if (!failed) {
        retry(audio, first ? 0 : RETRY_USEC);
        return;
    }
    if (failed != -ENOENT) /* the worker says that none is installed */
        log_error(NULL, "no sound server answers: %s", strerror(-failed));
    audio_tell(audio, &(struct audio_message){.number = AUDIO_UNABLE});
}

static void on_ready(struct audio *audio)
{
    audio->ready = true;
    pa_subscription_mask_t mask = audio->bits & REDIRECT_CAPTURE ? PA_SUBSCRIPTION_MASK_SOURCE : 0;
    mask |= audio->wakeful ? PA_SUBSCRIPTION_MASK_SINK_INPUT : 0;
    audio_asked(audio, pa_context_subscribe(audio->context, mask, NULL, NULL));
    if (audio->wakeful)
        audio_play_event(audio);
    if (audio->rate != 0)
        audio_play(audio);
    if (audio->form.rate != 0)
        audio_record(audio);
}

static void on_module(pa_context *context, uint32_t index, void *user)
{
    struct audio *audio = user;
    if (index == PA_INVALID_INDEX) {
        log_error(NULL, "the sound server has no sink for us: %s", pa_strerror(pa_context_errno(context)));
        audio_end(audio, 1);
        return;
    }
    audio_asked(audio, pa_context_set_default_sink(context, AUDIO_SINK_NAME, NULL, NULL));
    on_ready(audio);
}

/* A server that others have started has no sink of ours. */
static void on_sink(pa_context *context, const pa_sink_info *sink, int end, void *user)
{
    struct audio *audio = user;
    if (sink != NULL)
        return;
    if (end > 0)
        on_ready(audio);
    else
        audio_asked(audio, pa_context_load_module(context, "module-null-sink", AUDIO_SINK_ARGUMENTS,
                                                  on_module, audio));
}

static void on_subscribed(pa_context *context, pa_subscription_event_type_t type, uint32_t index, void *user)
{
    (void)context, (void)index;
    struct audio *audio = user;
    pa_subscription_event_type_t what = type & PA_SUBSCRIPTION_EVENT_FACILITY_MASK;
    if (what == PA_SUBSCRIPTION_EVENT_SOURCE)
        audio_record_event(audio);
    else if (what == PA_SUBSCRIPTION_EVENT_SINK_INPUT)
        audio_play_event(audio);
}

static void on_server(pa_context *context, const pa_server_info *server, void *user)
{
    struct audio *audio = user;
    audio->wakeful = server != NULL && strstr(server->server_name, "PipeWire") != NULL;
    audio_asked(audio, pa_context_get_sink_info_by_name(context, AUDIO_SINK_NAME, on_sink, audio));
}

static void on_state(pa_context *context, void *user)
{
    struct audio *audio = user;
    pa_context_state_t state = pa_context_get_state(context);
    if (state == PA_CONTEXT_READY) {
        pa_context_set_subscribe_callback(context, on_subscribed, audio);
        audio_asked(audio, pa_context_get_server_info(context, on_server, audio));
    } else if (state == PA_CONTEXT_FAILED && audio->ready) {
        log_warning(NULL, "the sound server has gone");
        audio_end(audio, 1); /* the worker has another lodge-audio started */
    } else if (state == PA_CONTEXT_FAILED) {
        on_refused(audio);
    }
}

static void context_try(struct audio *audio)
{
    char address[256];
    int failed = audio_server_address(address, sizeof(address));
    if (failed) {
        log_error(NULL, "XDG_RUNTIME_DIR is not set");
        audio_end(audio, 1);
        return;
    }
    audio->context = pa_context_new(audio->api, "Lodge");
    if (audio->context == NULL) {
        audio_end(audio, 1);
        return;
    }
    pa_context_set_state_callback(audio->context, on_state, audio);
    if (pa_context_connect(audio->context, address, PA_CONTEXT_NOAUTOSPAWN, NULL) < 0 &&
        pa_context_get_state(audio->context) != PA_CONTEXT_FAILED)
        audio_end(audio, 1);
}

void audio_connect(struct audio *audio)
{
    if (audio->context == NULL)
        context_try(audio);
}
