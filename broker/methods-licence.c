#include "broker/methods-licence.h"

#include "broker/broker.h"
#include "common/clock.h"
#include "db/licences.h"

#define PAGE_MAX   100
#define DAYS_MAX   DB_LICENCE_USES_MAX
#define DAYS_USUAL 30

static unsigned count_temporary(const struct book *book, int64_t now)
{
    unsigned temporary = 0;
    for (size_t i = 0; i < book->count; i++)
        temporary += book->by_serial[i]->licence.kind == LICENCE_TEMPORARY &&
                     book->by_serial[i]->revoked_ms == 0 &&
                     licence_is_valid(&book->by_serial[i]->licence, book->by_serial[i]->live > 0, now);
    return temporary;
}

void licence_call_pool(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct licences *licences = &peer->broker->licences;
    int64_t now = clock_real_ms();
    Lodge__Lsm__LicencePool pool = LODGE__LSM__LICENCE_POOL__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    (void)descriptor;
    book_look(&licences->book, now);
    pool.mode = (char *)licence_mode_name(licences->rules.mode);
    pool.size = licences->rules.pool;
    pool.in_use = licences_in_use(peer->broker);
    pool.temporary = count_temporary(&licences->book, now);
    pool.revoked = book_revoked(&licences->book, now);
    pool.revocable = licence_revocable(&licences->rules);
    pool.available = licences->state == LICENCES_KNOWN;
    if (pool.available)
        pool.grace_end_ms = (uint64_t)(licences->first_use_ms + licences->rules.grace_days * LICENCE_DAY_MS);
    pool.in_grace = pool.available && licence_in_grace(&licences->rules, now, licences->first_use_ms);
    answer.result_case = LODGE__LSM__ANSWER__RESULT_LICENCE_POOL;
    answer.licence_pool = &pool;
    peer_answer(peer, request->serial, &answer, -1);
}

static void tell_entry(const struct entry *entry, Lodge__Lsm__Licence *told)
{
    bool valid = licence_is_valid(&entry->licence, entry->live > 0, clock_real_ms());
    lodge__lsm__licence__init(told);
    told->serial = entry->serial;
    told->holder = (char *)entry->holder;
    told->kind = (char *)(entry->licence.kind == LICENCE_TEMPORARY ? "temporary" : "permanent");
    told->state = (char *)(entry->revoked_ms != 0 ? "revoked" : valid ? "valid" : "expired");
    told->issued_ms = (uint64_t)entry->licence.issued_ms;
    told->expires_ms = (uint64_t)entry->licence.expires_ms;
    told->used_ms = (uint64_t)entry->licence.used_ms;
    told->revoked_ms = (uint64_t)entry->revoked_ms;
    told->sessions = entry->live;
}

static void tell_seat(const struct session *session, Lodge__Lsm__Licence *told)
{
    lodge__lsm__licence__init(told);
    told->serial = session->id;
    told->holder = (char *)session->name;
    told->kind = (char *)"seat";
    told->state = (char *)"valid";
    told->issued_ms = session->logon_ms;
    told->sessions = 1;
}

/* Fills up to `limit` seats of sessions with ids above `after`. */
static size_t take_seats(struct broker *broker, uint64_t after, size_t limit, Lodge__Lsm__Licence *told,
                         bool *more_r)
{
    size_t count = 0;
    struct session *session = after < SESSIONS_MAX ? session_next(broker, (uint32_t)after) : NULL;
    for (; session != NULL; session = session_next(broker, session->id)) {
        if (!session->seat)
            continue;
        *more_r = count == limit;
        if (*more_r)
            break;
        tell_seat(session, &told[count++]);
    }
    return count;
}

static size_t take_entries(const struct book *book, uint64_t after, size_t limit, Lodge__Lsm__Licence *told,
                           bool *more_r)
{
    size_t count = 0, at = book_after(book, after);
    for (; at < book->count && count < limit; at++)
        tell_entry(book->by_serial[at], &told[count++]);
    *more_r = at < book->count;
    return count;
}

void licence_call_list(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    Lodge__Lsm__Licence told[PAGE_MAX], *pointers[PAGE_MAX];
    Lodge__Lsm__Licences page = LODGE__LSM__LICENCES__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    struct broker *broker = peer->broker;
    uint64_t after = request->licence_list->after;
    size_t limit = request->licence_list->limit;
    bool more = false;
    (void)descriptor;
    if (limit == 0 || limit > PAGE_MAX)
        limit = PAGE_MAX;
    page.n_licence = broker->licences.rules.mode == LICENCE_CONCURRENT
                         ? take_seats(broker, after, limit, told, &more)
                         : take_entries(&broker->licences.book, after, limit, told, &more);
    for (size_t i = 0; i < page.n_licence; i++)
        pointers[i] = &told[i];
    page.licence = pointers;
    page.more = more;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_LICENCES;
    answer.licences = &page;
    peer_answer(peer, request->serial, &answer, -1);
}

/* Both are answered when the change is on the disk, or here with a refusal. */
static void change(struct peer *peer, uint64_t serial, const char *holder,
                   enum reason (*call)(struct broker *, struct peer *, const char *, const char **))
{
    const char *detail = "";
    enum reason reason;
    if (peer->licence != NULL) {
        peer_refuse(peer, serial, REASON_WRONG_STATE, "Another request of this connection is under way.");
        return;
    }
    peer->licence_serial = serial;
    reason = call(peer->broker, peer, holder, &detail);
    if (reason != REASON_NONE)
        peer_refuse(peer, serial, reason, detail);
}

void licence_call_issue(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    (void)descriptor;
    change(peer, request->serial, request->licence_issue->holder, licences_issue);
}

void licence_call_revoke(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    (void)descriptor;
    change(peer, request->serial, request->licence_revoke->holder, licences_revoke);
}

static void take_uses(void *context, bool ok, const struct db_licence_use *uses, size_t count)
{
    static Lodge__Lsm__LicenceDay told[DAYS_MAX], *pointers[DAYS_MAX]; /* one loop: used within this call */
    struct peer *peer = context;
    Lodge__Lsm__LicenceReport report = LODGE__LSM__LICENCE_REPORT__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    peer->report = NULL;
    if (!ok) {
        peer_refuse(peer, peer->report_serial, REASON_INTERNAL, "The books cannot be read at the moment.");
        return;
    }
    for (size_t i = 0; i < count && i < DAYS_MAX; i++) {
        lodge__lsm__licence_day__init(&told[i]);
        told[i].time_ms = (uint64_t)(uses[i].day * LICENCE_DAY_MS);
        told[i].pool = uses[i].pool;
        told[i].peak = uses[i].peak;
        told[i].issued = uses[i].issued;
        told[i].warned = uses[i].warned;
        told[i].refused = uses[i].refused;
        pointers[i] = &told[i];
    }
    report.day = pointers;
    report.n_day = count;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_LICENCE_REPORT;
    answer.licence_report = &report;
    peer_answer(peer, peer->report_serial, &answer, -1);
}

void licence_call_report(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct broker *broker = peer->broker;
    int64_t days = request->licence_report->days, today = clock_real_ms() / LICENCE_DAY_MS;
    (void)descriptor;
    if (peer->report != NULL) {
        peer_refuse(peer, request->serial, REASON_WRONG_STATE, "Another report is under way.");
        return;
    }
    if (days == 0 || days > DAYS_MAX)
        days = days == 0 ? DAYS_USUAL : DAYS_MAX;
    peer->report_serial = request->serial;
    peer->report = db_licence_uses_query(broker->db, (uint8_t)broker->licences.rules.mode, today - days + 1,
                                         take_uses, peer);
    if (peer->report == NULL)
        peer_refuse(peer, request->serial, REASON_INTERNAL, "");
}
