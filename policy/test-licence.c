/* Licences: each rule by a row, and properties over random histories of holders, clocks and pools. */
#include "policy/licence.h"

#include "tests/check.h"

#define DAY     LICENCE_DAY_MS
#define NOW     (INT64_C(20000) * DAY)
#define HOLDERS 12

static const struct licence_rules user = {LICENCE_PER_USER, 2, 0, 90, 20};
static const struct licence_rules device = {LICENCE_PER_DEVICE, 2, 0, 90, 20};
static const struct licence_rules young = {LICENCE_PER_USER, 2, 120, 90, 20};
static const struct licence_rules young_device = {LICENCE_PER_DEVICE, 2, 120, 90, 20};

/* clang-format off */
#define HELD(what, days) {(what), NOW - DAY, NOW + (days) * DAY, NOW - DAY}, true
#define NOTHING          {0}, false
/* clang-format on */

static const struct {
    const char *name;
    const struct licence_rules *rules;
    unsigned in_use;
    int licensing_days; /* since the first use of licensing */
    struct licence held;
    bool has, live;
    enum licence_verdict want;
    enum licence_kind kind;
    int days_min, days_max; /* of the validity from now on */
} rows[] = {
    {"a user's first", &user, 1, 500, NOTHING, false, LICENCE_ISSUE, LICENCE_PERMANENT, 60, 60},
    {"a user's, pool empty", &user, 2, 500, NOTHING, false, LICENCE_REFUSE, 0, 0, 0},
    {"a user's, pool empty, grace", &young, 2, 119, NOTHING, false, LICENCE_WARN, 0, 0, 0},
    {"a user's, pool empty, grace over", &young, 2, 120, NOTHING, false, LICENCE_REFUSE, 0, 0, 0},
    {"a user's own", &user, 2, 500, HELD(LICENCE_PERMANENT, 1), false, LICENCE_RENEW, LICENCE_PERMANENT, 60,
     60},
    {"a user's, expired, pool empty", &user, 2, 500, HELD(LICENCE_PERMANENT, 0), false, LICENCE_REFUSE, 0, 0,
     0},
    {"a user's, expired, room", &user, 1, 500, HELD(LICENCE_PERMANENT, 0), false, LICENCE_ISSUE,
     LICENCE_PERMANENT, 60, 60},
    {"a user's, past its day under a session", &user, 2, 500, HELD(LICENCE_PERMANENT, -9), true,
     LICENCE_RENEW, LICENCE_PERMANENT, 60, 60},
    {"a device's first", &device, 2, 500, NOTHING, false, LICENCE_ISSUE, LICENCE_TEMPORARY, 90, 90},
    {"a device's second logon", &device, 1, 500, HELD(LICENCE_TEMPORARY, 80), false, LICENCE_ISSUE,
     LICENCE_PERMANENT, 52, 89},
    {"a device's second logon, pool empty", &device, 2, 500, HELD(LICENCE_TEMPORARY, 80), false,
     LICENCE_ADMIT, LICENCE_TEMPORARY, 80, 80},
    {"a device's temporary one is over", &device, 2, 500, HELD(LICENCE_TEMPORARY, 0), false, LICENCE_REFUSE,
     0, 0, 0},
    {"a device's temporary one is over, grace", &young_device, 2, 1, HELD(LICENCE_TEMPORARY, 0), false,
     LICENCE_WARN, 0, 0, 0},
    {"a device's own", &device, 2, 500, HELD(LICENCE_PERMANENT, 30), false, LICENCE_RENEW, LICENCE_PERMANENT,
     30, 30},
    {"a device's own, late", &device, 2, 500, HELD(LICENCE_PERMANENT, 6), false, LICENCE_RENEW,
     LICENCE_PERMANENT, 52, 89},
    {"a device's own is over", &device, 2, 500, HELD(LICENCE_PERMANENT, 0), false, LICENCE_REFUSE, 0, 0, 0},
};

static void each_rule(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (uint32_t random = 0; random < 200; random++) {
            struct licence_facts facts = {.now_ms = NOW,
                                          .first_use_ms = NOW - rows[i].licensing_days * DAY,
                                          .in_use = rows[i].in_use,
                                          .has = rows[i].has,
                                          .held = rows[i].held,
                                          .live = rows[i].live,
                                          .random = random};
            struct licence_decision got = licence_decide(rows[i].rules, &facts);
            bool given = rows[i].want == LICENCE_ISSUE || rows[i].want == LICENCE_RENEW;
            int64_t days = (got.licence.expires_ms - NOW) / DAY;
            if (got.verdict != rows[i].want ||
                (given && (got.licence.kind != rows[i].kind || days < rows[i].days_min ||
                           days > rows[i].days_max || got.licence.used_ms != NOW))) {
                fprintf(stderr, "%s: verdict %d, kind %d, %lld days\n", rows[i].name, (int)got.verdict,
                        (int)got.licence.kind, (long long)days);
                exit(1);
            }
        }
    }
}

static void seats_names_and_revocation(void)
{
    struct licence_rules rules = {LICENCE_CONCURRENT, 3, 10, 90, 20};
    CHECK(licence_decide_seat(&rules, 2, NOW, NOW - 500 * DAY) == LICENCE_ADMIT);
    CHECK(licence_decide_seat(&rules, 3, NOW, NOW - 500 * DAY) == LICENCE_REFUSE);
    CHECK(licence_decide_seat(&rules, 3, NOW, NOW - 9 * DAY) == LICENCE_WARN);
    for (int mode = 0; mode < LICENCE_MODES; mode++) {
        enum licence_mode got = LICENCE_MODES;
        CHECK(licence_mode_parse(licence_mode_name((enum licence_mode)mode), &got) && (int)got == mode);
    }
    enum licence_mode mode;
    CHECK(!licence_mode_parse("", &mode) && !licence_mode_parse("Per-User", &mode));
    CHECK(licence_revocable(&rules) == 0);
    rules.pool = 1000000;
    CHECK(licence_revocable(&rules) == 200000);
}

static uint64_t state = 88172645463325252u;

static uint32_t next_random(uint32_t below)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (uint32_t)(state >> 32) % below;
}

struct holder {
    struct licence held;
    unsigned sessions;
    bool has;
};

static unsigned count(const struct holder *holders, int64_t now)
{
    unsigned places = 0;
    for (size_t i = 0; i < HOLDERS; i++)
        places += holders[i].has && licence_takes_place(&holders[i].held, holders[i].sessions > 0, now);
    return places;
}

static void log_on(const struct licence_rules *rules, struct holder *holders, struct holder *holder,
                   int64_t now, int64_t first)
{
    bool live = holder->sessions > 0;
    bool valid = holder->has && licence_is_valid(&holder->held, live, now);
    unsigned places = count(holders, now);
    struct licence_facts facts = {now, first, places, holder->has, holder->held, live, next_random(1u << 31)};
    struct licence_decision got = licence_decide(rules, &facts);
    bool room = places < rules->pool;
    bool needs_none = rules->mode == LICENCE_PER_DEVICE && !holder->has;
    CHECK((got.verdict == LICENCE_REFUSE) ==
          (!valid && !room && !needs_none && !licence_in_grace(rules, now, first)));
    if (got.verdict == LICENCE_ISSUE || got.verdict == LICENCE_RENEW) {
        holder->has = true;
        holder->held = got.licence;
    }
    /* one that was let in without a licence uses none */
    holder->sessions += got.verdict != LICENCE_REFUSE && got.verdict != LICENCE_WARN;
}

/* Whatever happens and however the clock jumps: the pool is enough for what takes a place, who has a valid
 * licence is never refused, and nobody is refused while there is room. A licence that is past its day takes
 * its place again when the clock goes back, so the pool can be exceeded by a jump alone: such histories only
 * have to come down again. */
static void random_histories(void)
{
    for (int history = 0; history < 3000; history++) {
        struct holder holders[HOLDERS] = {0};
        struct licence_rules rules = {next_random(2) ? LICENCE_PER_USER : LICENCE_PER_DEVICE, next_random(6),
                                      next_random(2) * 120, 1 + next_random(90), 20};
        int64_t now = NOW, first = NOW;
        bool jumped = false;
        for (int step = 0; step < 200; step++) {
            struct holder *holder = &holders[next_random(HOLDERS)];
            unsigned before = count(holders, now);
            switch (next_random(8)) {
            case 0:
                now += (int64_t)next_random(30) * DAY;
                break;
            case 1:
                jumped = next_random(20) == 0 || jumped;
                now -= jumped ? (int64_t)next_random(400) * DAY : 0;
                break;
            case 2:
            case 3:
                if (holder->sessions > 0 && --holder->sessions == 0 && holder->held.used_ms < now)
                    holder->held.used_ms = now;
                break;
            default:
                log_on(&rules, holders, holder, now, first);
                CHECK(count(holders, now) <= (before > rules.pool ? before : rules.pool));
            }
            CHECK(jumped || count(holders, now) <= rules.pool);
        }
    }
}

int main(void)
{
    each_rule();
    seats_names_and_revocation();
    random_histories();
    return 0;
}
