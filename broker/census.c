#include "broker/census.h"

static void count(struct census *census, const struct census_place *place, unsigned by)
{
    if (!place->known)
        census->unknown += by;
    for (unsigned i = 0; place->known && i < CONF_GROUPS_MAX; i++)
        census->sessions[i] += (place->members & 1U << i) != 0 ? by : 0;
}

void census_take(struct census *census, struct census_place *place)
{
    if (place->counted)
        count(census, place, -1U);
    *place = (struct census_place){0};
}

void census_put(struct census *census, struct census_place *place, bool known, conf_members members)
{
    census_take(census, place);
    *place =
        (struct census_place){.counted = true, .known = known, .members = known ? members : (conf_members)0};
    count(census, place, 1);
}
