/* What goes over the wire, told to the broker every few seconds while something does. */
#include "rdp-front/graphics-tiles.h"
#include "rdp-front/tcp-traffic.h"
#include "rdp-front/worker-state.h"

_Static_assert(GRAPHICS_TILE_BYTES == TILES_SIDE * TILES_SIDE * 4, "tiles are of one size");

#define PAUSE_S 3

/* Fills *traffic_r. Returns false where the kernel does not tell. */
static bool take(const struct worker *worker, Lodge__Lsm__Traffic *traffic_r)
{
    struct tcp_traffic wire;
    struct graphics_counters counters;
    if (!tcp_traffic_of(worker->socket, &wire))
        return false;
    graphics_counters(worker->graphics, &counters);
    lodge__lsm__traffic__init(traffic_r);
    traffic_r->sent = wire.sent;
    traffic_r->received = wire.received;
    traffic_r->rtt_us = wire.rtt_us;
    traffic_r->frames = counters.frames;
    traffic_r->coded = counters.bytes;
    traffic_r->pixels = counters.tiles * GRAPHICS_TILE_BYTES;
    return true;
}

/* The turn that this belongs to does not begin a new pause: silence is not interrupted. */
static void on_traffic(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    struct worker *worker = user;
    Lodge__Lsm__Traffic traffic;
    worker->traffic.looked = true;
    if (worker->stage != STAGE_ATTACHED || worker->graphics == NULL || !take(worker, &traffic) ||
        (traffic.sent == worker->traffic.sent && traffic.received == worker->traffic.received))
        return;
    if (!broker_tell_traffic(worker, &traffic))
        return;
    worker->traffic.sent = traffic.sent;
    worker->traffic.received = traffic.received;
}

void traffic_open(struct worker *worker)
{
    worker->traffic.timer = evtimer_new(worker->base, on_traffic, worker);
}

void traffic_forget(struct worker *worker)
{
    worker->traffic.sent = worker->traffic.received = 0;
}

void traffic_poll(struct worker *worker)
{
    bool looked = worker->traffic.looked;
    worker->traffic.looked = false;
    if (!looked && worker->stage == STAGE_ATTACHED && !evtimer_pending(worker->traffic.timer, NULL))
        evtimer_add(worker->traffic.timer, &(struct timeval){.tv_sec = PAUSE_S});
}

void traffic_close(struct worker *worker)
{
    event_free(worker->traffic.timer);
}
