#include "sessionmgr/ids.h"

#include "tests/check.h"

static struct ids ids;

static void rising_and_around(void)
{
    ids_init(&ids, 65534);
    CHECK(ids_take(&ids) == 65534 && ids_take(&ids) == 65535 && ids_take(&ids) == 1);
    CHECK(ids.next == 2);
    ids_give_back(&ids, 1);
    CHECK(ids_take(&ids) == 2);
    ids_init(&ids, 0);
    CHECK(ids_take(&ids) == 1);
}

static void never_twice(void)
{
    static unsigned char seen[65536];
    ids_init(&ids, 40000);
    CHECK(ids_take_this(&ids, 40000) && !ids_take_this(&ids, 40000) && !ids_take_this(&ids, 0));
    for (unsigned i = 1; i < 65535; i++) {
        uint16_t id = ids_take(&ids);
        CHECK(id != 0 && id != 40000 && !seen[id]);
        seen[id] = 1;
    }
    CHECK(ids_take(&ids) == 0);
    ids_give_back(&ids, 7);
    CHECK(ids_take(&ids) == 7 && ids_take(&ids) == 0);
}

/* As one looks for them one by one, whatever is taken and given back between; from when so many are in use.
 */
static void as_by_looking(unsigned in_use, unsigned rounds)
{
    static bool used[65536];
    unsigned next = 1, random = 12345;
    memset(used, 0, sizeof(used));
    ids_init(&ids, 1);
    for (; next <= in_use; next++) {
        CHECK(ids_take(&ids) == next);
        used[next] = true;
    }
    for (unsigned i = 0; i < rounds; i++) {
        random = random * 1103515245u + 12345u;
        uint16_t id = (uint16_t)(random >> 16);
        if (random % 2 == 0) {
            if (used[id])
                ids_give_back(&ids, id);
            used[id] = false;
            continue;
        }
        unsigned tries = 0;
        while (tries < 65535 && used[next]) {
            next = next == 65535 ? 1 : next + 1;
            tries++;
        }
        unsigned want = tries == 65535 ? 0 : next;
        CHECK(ids_take(&ids) == want);
        used[want] = want != 0;
        if (want != 0)
            next = next == 65535 ? 1 : next + 1;
    }
}

int main(void)
{
    as_by_looking(0, 50000);
    as_by_looking(65500, 5000);
    rising_and_around();
    never_twice();
    return 0;
}
