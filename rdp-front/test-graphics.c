/* What graphics does without a client: bounds, and that the warm-up leaves nothing running. The way to real
 * clients is tested by test-graphics-clients.c. */
#include "rdp-front/graphics.h"

#include <dirent.h>
#include <freerdp/peer.h>
#include <freerdp/settings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/check.h"

static unsigned thread_count(void)
{
    DIR *tasks = opendir("/proc/self/task");
    unsigned count = 0;
    CHECK(tasks != NULL);
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static unsigned descriptor_count(void)
{
    DIR *descriptors = opendir("/proc/self/fd");
    unsigned count = 0;
    CHECK(descriptors != NULL);
    while (readdir(descriptors) != NULL)
        count++;
    closedir(descriptors);
    return count;
}

static void test_warm_up_leaves_nothing(void)
{
    unsigned threads = thread_count(), descriptors = descriptor_count();
    CHECK(graphics_warm_up());
    CHECK(graphics_warm_up());
    CHECK(thread_count() == threads);
    CHECK(descriptor_count() == descriptors);
}

static void count_done(void *user)
{
    ++*(unsigned *)user;
}

static void check_screens(struct graphics *graphics)
{
    static const uint8_t pixels[64 * 64 * 4];
    CHECK(graphics_set_screen(graphics, pixels, 64, 64, 256));
    CHECK(!graphics_set_screen(graphics, pixels, 0, 64, 256));
    CHECK(!graphics_set_screen(graphics, pixels, 64, 0, 256));
    CHECK(!graphics_set_screen(graphics, pixels, 64, 64, 255));
    CHECK(!graphics_set_screen(graphics, pixels, WINSTATION_MAX_WIDTH + 1, 64, 1 << 20));
    CHECK(!graphics_set_screen(graphics, pixels, 64, WINSTATION_MAX_HEIGHT + 1, 256));
    CHECK(!graphics_set_screen(graphics, pixels, UINT32_MAX, UINT32_MAX, SIZE_MAX));
    CHECK(graphics_set_screen(graphics, NULL, 0, 0, 0));
}

/* Before a client is activated nothing is sent, and nothing is wanted. */
static void check_inactive(struct graphics *graphics, const unsigned *done)
{
    static struct winstation_pointer pointer;
    struct rectangles everything = {.count = UINT16_MAX};
    struct graphics_counters counters;
    memset(everything.at, 0xff, sizeof everything.at);
    pointer.width = pointer.height = pointer.pixels_count = UINT16_MAX;
    graphics_damage(graphics, &everything);
    graphics_pointer(graphics, &pointer);
    graphics_pointer(graphics, NULL);
    graphics_pointer_moved(graphics, UINT32_MAX, UINT32_MAX);
    graphics_acknowledged(graphics, UINT32_MAX);
    graphics_suppress(graphics, true);
    graphics_suppress(graphics, false);
    graphics_refresh(graphics);
    CHECK(graphics_poll(graphics));
    CHECK(graphics_next_ms(graphics) == -1 && graphics_event_fd(graphics) == -1);
    CHECK_TEXT(graphics_codec(graphics), "none");
    graphics_counters(graphics, &counters);
    CHECK(counters.frames == 0 && counters.bytes == 0 && *done == 0);
}

static void test_without_a_client(void)
{
    static const struct graphics_callbacks callbacks = {count_done};
    unsigned done = 0;
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    freerdp_peer *peer = freerdp_peer_new(pair[0]);
    CHECK(peer != NULL && freerdp_peer_context_new(peer));
    CHECK(graphics_offer(peer->context->settings));
    CHECK(!freerdp_settings_get_bool(peer->context->settings, FreeRDP_WaitForOutputBufferFlush));
    struct graphics *graphics = graphics_start(peer->context, NULL, &callbacks, &done);
    CHECK(graphics != NULL);
    check_screens(graphics);
    check_inactive(graphics, &done);
    graphics_end(graphics);
    graphics_end(NULL);
    freerdp_peer_context_free(peer);
    freerdp_peer_free(peer);
    close(pair[1]);
}

int main(void)
{
    test_warm_up_leaves_nothing();
    test_without_a_client();
    return 0;
}
