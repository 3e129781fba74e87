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

int main(void)
{
    rising_and_around();
    never_twice();
    return 0;
}
