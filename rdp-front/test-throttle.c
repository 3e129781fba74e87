#include "rdp-front/throttle.h"
#include "tests/check.h"

#include <arpa/inet.h>

static int users[64];

static struct in6_addr address_of(const char *text)
{
    struct in6_addr address;
    CHECK(inet_pton(AF_INET6, text, &address) == 1);
    return address;
}

/* Admits users[number] from the address at `now`; returns the victim's number, -1 for none, -2 refused. */
static int admit(struct throttle *throttle, const char *from, int number, int64_t now)
{
    struct in6_addr address = address_of(from);
    void *victim = NULL;
    if (throttle_admit(throttle, &address, now, &users[number], &victim) != THROTTLE_ADMITTED)
        return -2;
    return victim ? (int)((int *)victim - users) : -1;
}

static void check_unauthenticated_limit(void)
{
    struct throttle *throttle = throttle_new(&(struct throttle_limits){10, 10, 2, 1000});
    CHECK(admit(throttle, "::ffff:1.1.1.1", 0, 0) == -1);
    CHECK(admit(throttle, "::ffff:1.1.1.2", 1, 1) == -1);
    CHECK(admit(throttle, "::ffff:1.1.1.3", 2, 2) == 0);
    CHECK(throttle_logged_on(throttle, &users[1]));
    CHECK(!throttle_logged_on(throttle, &users[0]));
    CHECK(admit(throttle, "::ffff:1.1.1.1", 3, 3) == -1);
    CHECK(admit(throttle, "::ffff:1.1.1.1", 4, 4) == 2);
    CHECK(throttle_counts(throttle).connections == 3);
    CHECK(throttle_counts(throttle).unauthenticated == 2);
    CHECK(throttle_counts(throttle).addresses == 2);
    throttle_free(throttle);
}

static void check_connection_limit(void)
{
    struct throttle *throttle = throttle_new(&(struct throttle_limits){2, 10, 10, 1000});
    CHECK(admit(throttle, "::ffff:1.1.1.1", 0, 0) == -1);
    CHECK(throttle_logged_on(throttle, &users[0]));
    CHECK(admit(throttle, "::ffff:1.1.1.1", 1, 0) == -1);
    CHECK(admit(throttle, "::ffff:1.1.1.1", 2, 0) == 1);
    CHECK(throttle_logged_on(throttle, &users[2]));
    CHECK(admit(throttle, "::ffff:1.1.1.1", 3, 0) == -2);
    throttle_leave(throttle, &users[0]);
    throttle_leave(throttle, &users[0]);
    CHECK(admit(throttle, "::ffff:1.1.1.1", 3, 0) == -1);
    throttle_free(throttle);
}

/* Those that were there before count, however many they are, and never have to go. */
static void check_those_before(void)
{
    struct throttle *throttle = throttle_new(&(struct throttle_limits){2, 1, 10, 1000});
    struct in6_addr one = address_of("::ffff:1.1.1.1"), two = address_of("2001:db8::1");
    CHECK(throttle_count_in(throttle, &one, &users[0]) && throttle_count_in(throttle, &one, &users[1]));
    CHECK(throttle_count_in(throttle, &two, &users[2]) && throttle_next_ms(throttle) == -1);
    CHECK(throttle_counts(throttle).connections == 3 && throttle_counts(throttle).unauthenticated == 0);
    CHECK(throttle_counts(throttle).addresses == 2);
    CHECK(admit(throttle, "::ffff:1.1.1.3", 3, 0) == -2);
    throttle_leave(throttle, &users[0]);
    throttle_leave(throttle, &users[2]);
    CHECK(admit(throttle, "::ffff:1.1.1.1", 3, 0) == -2);
    CHECK(admit(throttle, "2001:db8::2", 3, 0) == -1);
    throttle_free(throttle);
}

static void check_address_limit(void)
{
    struct throttle *throttle = throttle_new(&(struct throttle_limits){10, 1, 10, 1000});
    CHECK(admit(throttle, "2001:db8::1", 0, 0) == -1);
    CHECK(admit(throttle, "2001:db8:0:1::1", 1, 0) == -1);
    CHECK(admit(throttle, "2001:db8::2", 2, 0) == 0); /* the same /64: its idle one goes */
    CHECK(throttle_logged_on(throttle, &users[2]));
    struct in6_addr address = address_of("2001:db8::3");
    void *victim = users;
    CHECK(throttle_admit(throttle, &address, 0, &users[3], &victim) == THROTTLE_TOO_MANY_OF_ADDRESS);
    CHECK(victim == users);
    CHECK(admit(throttle, "::ffff:1.1.1.1", 4, 0) == -1);
    CHECK(admit(throttle, "::ffff:1.1.1.2", 5, 0) == -1);
    CHECK(throttle_counts(throttle).addresses == 4);
    throttle_free(throttle);
}

static void check_deadlines(void)
{
    struct throttle *throttle = throttle_new(&(struct throttle_limits){10, 10, 10, 1000});
    CHECK(throttle_next_ms(throttle) == -1);
    admit(throttle, "::ffff:1.1.1.1", 0, 100);
    admit(throttle, "::ffff:1.1.1.1", 1, 200);
    admit(throttle, "::ffff:1.1.1.1", 2, 300);
    CHECK(throttle_next_ms(throttle) == 1100);
    throttle_logged_on(throttle, &users[1]);
    CHECK(throttle_take_expired(throttle, 1099) == NULL);
    CHECK(throttle_take_expired(throttle, 1299) == &users[0]);
    CHECK(throttle_take_expired(throttle, 1299) == NULL);
    CHECK(throttle_take_expired(throttle, 1300) == &users[2]);
    CHECK(throttle_next_ms(throttle) == -1);
    CHECK(throttle_counts(throttle).connections == 1);
    throttle_free(throttle);
}

int main(void)
{
    check_unauthenticated_limit();
    check_connection_limit();
    check_those_before();
    check_address_limit();
    check_deadlines();
    return 0;
}
