/* Viewers that shadow the session: both see the same, and what of the second one counts. */
#include <stdio.h>
#include <stdlib.h>

#include "common/reason.h"
#include "display/testbed.h"
#include "tests/check.h"

#define A 0x1E
#define D 0x20

/* All that it has sent has been taken: the agent does so in turn. */
static void await_taken(struct view *view)
{
    view_send(view, WINSTATION_SUPPRESS, &(struct winstation_suppress){1});
    view_send(view, WINSTATION_SUPPRESS, &(struct winstation_suppress){0});
    unsigned before = view->damages, pointers = view->pointers;
    VIEW_UNTIL(view, view->damages > before && view->everything && view->pointers > pointers);
}

/* The program gets this key, and none before it. */
static void expect_key(struct program *program, uint32_t keysym)
{
    CHECK(program_key(program) == keysym);
}

static void same_picture(struct view *view, struct view *shadow, struct program *program)
{
    for (uint32_t colour = 0x600000; colour < 0x600004; colour++) {
        program_fill(program, colour, 0, 0, 300, 200);
        VIEW_UNTIL(view, view_pixel(view, 150, 150) == colour);
        VIEW_UNTIL(shadow, shadow->pixels != NULL && view_pixel(shadow, 150, 150) == colour);
    }
    CHECK(shadow->width == view->width && shadow->height == view->height && shadow->screens == 1);
}

static void looks_on(struct bed *bed, struct view *view, struct program *program)
{
    struct view shadow;
    struct message message;
    union winstation_body body;
    unsigned screens = view->screens;
    while (broker_take(bed, &message, &body, 1300)) /* the input of before has been told */
        ;
    broker_shadow(bed, &shadow, 31, false);
    same_picture(view, &shadow, program);
    view_tap(&shadow, A, 0);
    view_text(&shadow, 'x');
    view_mouse(&shadow, 150, 150, WINSTATION_LEFT, 120, 0);
    view_send(&shadow, WINSTATION_LOCKS, &(struct winstation_locks){WINSTATION_CAPS});
    view_send(&shadow, WINSTATION_RESIZE, &(struct winstation_resize){640, 480});
    await_taken(&shadow);
    CHECK(!broker_take(bed, &message, &body, 1300)); /* nobody did anything */
    view_tap(view, D, 0);
    expect_key(program, 'd');
    CHECK(view->screens == screens && shadow.screens == 1);
    view_close(&shadow);
    broker_expect(bed, WINSTATION_VIEWER_GONE, &body);
    CHECK(body.viewer_gone.viewer == 31);
}

static void controls(struct bed *bed, struct view *view, struct program *program)
{
    struct view shadow;
    union winstation_body body;
    unsigned screens = view->screens;
    broker_shadow(bed, &shadow, 32, true);
    same_picture(view, &shadow, program);
    bed_pass_ms(bed_now());
    double before = bed_now() - 1;
    view_tap(&shadow, A, 0);
    expect_key(program, 'a');
    do
        broker_expect(bed, WINSTATION_INPUT, &body);
    while ((double)body.input.monotonic_ms < before);
    /* of its lock keys nothing but that no key stays down, and nothing of its size */
    view_key(&shadow, A, WINSTATION_KEY_DOWN);
    expect_key(program, 'a');
    view_send(&shadow, WINSTATION_LOCKS, &(struct winstation_locks){WINSTATION_CAPS});
    xcb_generic_event_t *release = program_wait(program, XCB_KEY_RELEASE, WAIT_MS);
    CHECK(release != NULL);
    free(release);
    view_send(&shadow, WINSTATION_RESIZE, &(struct winstation_resize){640, 480});
    view_tap(&shadow, D, 0);
    expect_key(program, 'd');
    CHECK(view->screens == screens && shadow.screens == 1);
    /* what it holds goes up with it */
    view_key(&shadow, A, WINSTATION_KEY_DOWN);
    expect_key(program, 'a');
    broker_detach(bed, 32, REASON_DISCONNECTED);
    VIEW_UNTIL(&shadow, shadow.bye);
    CHECK(shadow.last_words.reason == REASON_DISCONNECTED);
    release = program_wait(program, XCB_KEY_RELEASE, WAIT_MS);
    CHECK(release != NULL);
    free(release);
    view_close(&shadow);
}

/* The session's own client says how large it is. */
static void follows_size(struct bed *bed, struct view *view)
{
    struct view shadow;
    union winstation_body body;
    broker_shadow(bed, &shadow, 33, true);
    VIEW_UNTIL(&shadow, shadow.pixels != NULL);
    view_send(view, WINSTATION_RESIZE, &(struct winstation_resize){800, 600});
    VIEW_UNTIL(view, view->width == 800 && view->height == 600);
    VIEW_UNTIL(&shadow, shadow.width == 800 && shadow.height == 600 && shadow.everything);
    view_send(view, WINSTATION_RESIZE, &(struct winstation_resize){1024, 768});
    VIEW_UNTIL(view, view->width == 1024 && view->height == 768);
    VIEW_UNTIL(&shadow, shadow.width == 1024 && shadow.height == 768);
    view_close(&shadow);
    broker_expect(bed, WINSTATION_VIEWER_GONE, &body);
    CHECK(body.viewer_gone.viewer == 33);
}

/* A broker that comes anew has allowed nothing. */
static void ends_with_broker(struct bed *bed, struct view *view)
{
    struct view shadow;
    union winstation_body body;
    broker_shadow(bed, &shadow, 34, true);
    VIEW_UNTIL(&shadow, shadow.pixels != NULL);
    bed_connect_broker(bed);
    VIEW_UNTIL(&shadow, shadow.bye);
    CHECK(shadow.last_words.reason == REASON_NO_BROKER);
    view_close(&shadow);
    broker_expect(bed, WINSTATION_VIEWER, &body);
    CHECK(body.viewer.viewer == view->id);
    broker_expect(bed, WINSTATION_SYNCED, &body); /* and no other */
}

void test_shadowing(struct bed *bed, struct view *view, struct program *program)
{
    looks_on(bed, view, program);
    controls(bed, view, program);
    follows_size(bed, view);
    ends_with_broker(bed, view);
}
