#include "broker/licences.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "broker/broker.h"
#include "broker/logons.h"
#include "broker/peers.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"
#include "db/licences.h"

#define TICK_SECONDS 1
#define PATIENCE_MS  5000             /* for the disk */
#define HOUR_MS      INT64_C(3600000) /* the last use is written no more often */
#define NO_HOLDERS   "In this mode nobody holds a licence: seats belong to sessions."

bool licences_check(const struct conf *conf, char *error, size_t size)
{
    enum licence_mode mode;
    char safe[CONF_TEXT_MAX * 4 + 1];
    if (licence_mode_parse(conf->licence_mode, &mode))
        return true;
    snprintf(error, size,
             "Mode of [Licences] is \"%s\", but must be none, per-user, per-device or concurrent",
             text_escape(safe, sizeof(safe), conf->licence_mode));
    return false;
}

static bool has_holders(const struct licences *licences)
{
    return licences->rules.mode == LICENCE_PER_USER || licences->rules.mode == LICENCE_PER_DEVICE;
}

unsigned licences_in_use(const struct broker *broker)
{
    const struct licences *licences = &broker->licences;
    return has_holders(licences) ? licences->book.places : licences->seats + licences->admitted;
}

/* Adds to the numbers of the day; a peak that is none is not written. */
static void note(struct broker *broker, unsigned issued, unsigned warned, unsigned refused)
{
    struct licences *licences = &broker->licences;
    unsigned in_use = licences_in_use(broker);
    int64_t day = clock_real_ms() / LICENCE_DAY_MS;
    bool higher = day != licences->noted_day || in_use > licences->noted_peak;
    if (licences->state == LICENCES_BLIND || (!higher && issued + warned + refused == 0))
        return;
    struct db_licence_use use = {.day = day,
                                 .mode = (uint8_t)licences->rules.mode,
                                 .pool = licences->rules.pool,
                                 .peak = in_use,
                                 .issued = issued,
                                 .warned = warned,
                                 .refused = refused};
    if (higher)
        licences->noted_peak = in_use;
    licences->noted_day = day;
    db_licence_use_add(broker->db, &use);
}

static void answer_asker(struct entry *entry, enum reason reason, const char *detail)
{
    struct peer *peer = entry->asker;
    if (peer == NULL)
        return;
    entry->asker = NULL;
    peer->licence = NULL;
    peer_refuse(peer, peer->licence_serial, reason, detail);
}

static void on_written(void *context, const struct db_licence *written)
{
    struct broker *broker = context;
    struct entry *entry = book_find_serial(&broker->licences.book, written->serial);
    broker->licences.pending--;
    if (entry == NULL || entry->writes == 0 || --entry->writes > 0)
        return;
    answer_asker(entry, REASON_NONE, "");
    logons_wake_held(broker);
}

static void write_down(struct broker *broker, struct entry *entry)
{
    struct db_licence licence = {.serial = entry->serial,
                                 .mode = (uint8_t)broker->licences.rules.mode,
                                 .kind = (uint8_t)entry->licence.kind,
                                 .issued_ms = entry->licence.issued_ms,
                                 .expires_ms = entry->licence.expires_ms,
                                 .used_ms = entry->licence.used_ms,
                                 .revoked_ms = entry->revoked_ms};
    text_copy(licence.holder, sizeof(licence.holder), entry->holder);
    if (!db_licence_write(broker->db, &licence, on_written, broker)) {
        log_error("licences", "no memory to write the licence of %s", entry->holder);
        return;
    }
    if (entry->writes++ == 0)
        entry->written_since = clock_monotonic_ms();
    entry->written = entry->licence;
    broker->licences.pending++;
}

/* Takes a later use or validity; it goes to the disk when it differs by an hour. */
static void renew(struct broker *broker, struct entry *entry, const struct licence *licence, int64_t now)
{
    entry->licence = *licence;
    book_recount(&broker->licences.book, entry, now);
    if (licence->expires_ms - entry->written.expires_ms >= HOUR_MS ||
        licence->used_ms - entry->written.used_ms >= HOUR_MS)
        write_down(broker, entry);
}

static struct licence_decision decide(struct broker *broker, const struct entry *entry, int64_t now)
{
    struct licences *licences = &broker->licences;
    struct licence_facts facts = {.now_ms = now,
                                  .first_use_ms = licences->first_use_ms,
                                  .in_use = licences->book.places,
                                  .has = entry != NULL,
                                  .live = entry != NULL && entry->live > 0};
    if (entry != NULL)
        facts.held = entry->licence;
    if (getrandom(&facts.random, sizeof(facts.random), 0) != sizeof(facts.random))
        facts.random = (uint32_t)now;
    return licence_decide(&licences->rules, &facts);
}

/* Gives `licence` to the holder, whose entry is `entry` or is made. Returns NULL when there is no room. */
static struct entry *issue(struct broker *broker, struct entry *entry, const char *holder,
                           const struct licence *licence, const char *by)
{
    struct book *book = &broker->licences.book;
    char detail[BOOK_HOLDER_ROOM + 64];
    if (entry == NULL)
        entry = book_add(book, book->last_serial + 1, holder, 0);
    if (entry == NULL)
        return NULL;
    entry->licence = *licence;
    book_recount(book, entry, clock_real_ms());
    snprintf(detail, sizeof(detail), "%s licence %llu for %s%s",
             licence->kind == LICENCE_TEMPORARY ? "temporary" : "permanent",
             (unsigned long long)entry->serial, holder, by);
    record_event(broker, EVENT_LICENCE_ISSUED, 0, NULL, NULL, REASON_NONE, detail);
    note(broker, 1, 0, 0);
    write_down(broker, entry);
    return entry;
}

static enum licences_verdict warn(struct broker *broker, const char *user, const struct client *client,
                                  const char *why)
{
    log_warning("licences", "%s is let in without a licence: %s", user, why);
    record_event(broker, EVENT_LICENCE_WARNING, 0, user, client->address, REASON_NO_LICENCE, why);
    note(broker, 0, 1, 0);
    return LICENCES_GO;
}

static enum licences_verdict lack(struct broker *broker, enum licence_verdict verdict, const char *user,
                                  const struct client *client)
{
    if (verdict == LICENCE_WARN)
        return warn(broker, user, client, "none is left, in the grace period");
    note(broker, 0, 0, 1);
    return LICENCES_REFUSE;
}

/* How a device is told from others: by the identifier that it says it has, else by its name. It may choose
 * both. */
static void device_of(const struct client *client, char *device, size_t size)
{
    snprintf(device, size, "%s", client->product[0] != '\0' ? client->product : client->name);
    if (device[0] == '\0') {
        snprintf(device, size, "%s", client->address);
        char *port = strrchr(device, ':');
        if (port != NULL)
            *port = '\0';
    }
    for (char *at = device; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
}

static void holder_of(const struct licences *licences, const char *user, const struct client *client,
                      char holder[BOOK_HOLDER_ROOM])
{
    if (licences->rules.mode == LICENCE_PER_USER)
        snprintf(holder, BOOK_HOLDER_ROOM, "%s", user);
    else
        device_of(client, holder, BOOK_HOLDER_ROOM);
}

static enum licences_verdict ask_seat(struct broker *broker, const char *user, const struct client *client,
                                      const struct session *session)
{
    struct licences *licences = &broker->licences;
    if (session != NULL && session->seat)
        return LICENCES_GO;
    enum licence_verdict verdict = licence_decide_seat(&licences->rules, licences->seats + licences->admitted,
                                                       clock_real_ms(), licences->first_use_ms);
    return verdict == LICENCE_ADMIT ? LICENCES_GO : lack(broker, verdict, user, client);
}

/* The licence is on its way to the disk: the logon waits, but not for ever. */
static enum licences_verdict await_disk(const struct entry *entry)
{
    if (clock_monotonic_ms() - entry->written_since < PATIENCE_MS)
        return LICENCES_WAIT;
    log_error("licences", "the books cannot be written: %s goes on with what is known", entry->holder);
    return LICENCES_GO;
}

static enum licences_verdict ask_holder(struct broker *broker, const char *user, const struct client *client)
{
    char holder[BOOK_HOLDER_ROOM];
    int64_t now = clock_real_ms();
    holder_of(&broker->licences, user, client, holder);
    book_look(&broker->licences.book, now);
    struct entry *entry = book_find(&broker->licences.book, holder);
    if (entry != NULL && entry->unclaimed) {
        enum licences_verdict verdict = entry->writes > 0 ? await_disk(entry) : LICENCES_GO;
        entry->unclaimed = verdict == LICENCES_WAIT;
        return verdict;
    }
    struct licence_decision decision = decide(broker, entry, now);
    switch (decision.verdict) {
    case LICENCE_ADMIT:
        return LICENCES_GO;
    case LICENCE_RENEW:
        if (entry != NULL)
            renew(broker, entry, &decision.licence, now);
        return LICENCES_GO;
    case LICENCE_ISSUE:
        entry = issue(broker, entry, holder, &decision.licence, "");
        if (entry == NULL)
            return warn(broker, user, client, "the books have no room");
        entry->unclaimed = true;
        return entry->writes > 0 ? LICENCES_WAIT : LICENCES_GO;
    default:
        return lack(broker, decision.verdict, user, client);
    }
}

enum licences_verdict licences_ask(struct broker *broker, const char *user, const struct client *client,
                                   const struct session *session)
{
    struct licences *licences = &broker->licences;
    if (licences->rules.mode == LICENCE_NONE)
        return LICENCES_GO;
    if (licences->state == LICENCES_LOADING)
        return LICENCES_WAIT;
    if (licences->rules.mode == LICENCE_CONCURRENT)
        return ask_seat(broker, user, client, session);
    if (licences->state == LICENCES_BLIND)
        return warn(broker, user, client, "the books cannot be read");
    return ask_holder(broker, user, client);
}

void licences_count_admission(struct broker *broker, int by)
{
    broker->licences.admitted += (unsigned)by;
    if (broker->licences.rules.mode == LICENCE_CONCURRENT && by > 0)
        note(broker, 0, 0, 0);
}

/* After a restart a session counts as connected until its agent has said who has it. */
static bool holds_seat(const struct licences *licences, const struct session *session)
{
    bool connected = session->viewer != 0 || session->pending != NULL || !session->fresh;
    return !licences->release_on_disconnect || connected;
}

static void change_seat(struct session *session, bool seat)
{
    struct licences *licences = &session->broker->licences;
    licences->seats += seat;
    licences->seats -= session->seat;
    session->seat = seat;
}

/* Ties the session to the licence that it came with; NULL: to none. */
static void tie(struct session *session, struct entry *entry)
{
    struct broker *broker = session->broker;
    struct entry *before = session->licence;
    int64_t now = clock_real_ms();
    if (before == entry)
        return;
    session->licence = entry;
    if (entry != NULL) {
        entry->live++;
        book_recount(&broker->licences.book, entry, now);
    }
    if (before == NULL)
        return;
    struct licence_decision last = decide(broker, before, now);
    before->live--;
    if (last.verdict == LICENCE_RENEW)
        renew(broker, before, &last.licence, now);
    book_recount(&broker->licences.book, before, now);
}

void licences_session_changed(struct session *session)
{
    struct licences *licences = &session->broker->licences;
    char holder[BOOK_HOLDER_ROOM];
    if (licences->rules.mode == LICENCE_CONCURRENT)
        change_seat(session, holds_seat(licences, session));
    if (!has_holders(licences) || licences->state != LICENCES_KNOWN)
        return;
    struct entry *entry = NULL;
    if (licences->rules.mode == LICENCE_PER_USER || session->viewer != 0) {
        holder_of(licences, session->name, &session->client, holder);
        entry = book_find(&licences->book, holder);
    }
    bool valid = entry != NULL && licence_is_valid(&entry->licence, entry->live > 0, clock_real_ms());
    tie(session, valid ? entry : NULL);
}

void licences_session_gone(struct session *session)
{
    change_seat(session, false);
    tie(session, NULL);
}

static void look_at_sessions(struct broker *broker)
{
    struct session *session = session_next(broker, 0);
    for (; session != NULL; session = session_next(broker, session->id))
        licences_session_changed(session);
}

void licences_configure(struct broker *broker)
{
    struct licences *licences = &broker->licences;
    const struct conf *conf = &broker->conf;
    struct licence_rules rules = {.pool = (unsigned)conf->licence_pool,
                                  .grace_days = (unsigned)conf->licence_grace_days,
                                  .temporary_days = (unsigned)conf->licence_temporary_days,
                                  .revoke_percent = (unsigned)conf->licence_revoke_percent};
    if (!licence_mode_parse(conf->licence_mode, &rules.mode))
        return;
    licences->rules = rules;
    licences->release_on_disconnect = conf->licence_release == 1;
    look_at_sessions(broker);
}

static void take_books(struct broker *broker, const struct db_licence_books *books)
{
    struct licences *licences = &broker->licences;
    int64_t now = clock_real_ms();
    for (size_t i = 0; i < books->count; i++) {
        const struct db_licence *told = &books->licences[i];
        struct entry *entry = book_add(&licences->book, told->serial, told->holder, told->revoked_ms);
        if (entry == NULL) {
            log_error("licences", "no room for the licence of %s", told->holder);
            continue;
        }
        entry->licence =
            (struct licence){.kind = told->kind == LICENCE_PERMANENT ? LICENCE_PERMANENT : LICENCE_TEMPORARY,
                             .issued_ms = told->issued_ms,
                             .expires_ms = told->expires_ms,
                             .used_ms = told->used_ms};
        entry->written = entry->licence;
        book_recount(&licences->book, entry, now);
    }
    if (books->last_serial > licences->book.last_serial)
        licences->book.last_serial = books->last_serial;
    licences->first_use_ms = books->first_use_ms;
}

static void on_books(void *context, bool ok, const struct db_licence_books *books)
{
    struct broker *broker = context;
    struct licences *licences = &broker->licences;
    if (!ok && licences->state != LICENCES_BLIND)
        log_error("licences", "the books cannot be read; logons go on without them");
    licences->state = ok ? LICENCES_KNOWN : LICENCES_BLIND;
    if (ok) {
        take_books(broker, books);
        look_at_sessions(broker);
        log_info("licences", "%s: %u of %u in use", licence_mode_name(licences->rules.mode),
                 licences_in_use(broker), licences->rules.pool);
    } else {
        licences->first_use_ms = clock_real_ms(); /* as in the grace period */
    }
    logons_wake_held(broker);
}

/* What is tied to a session does not run out under it. */
static void renew_live(struct broker *broker, int64_t now)
{
    const struct book *book = &broker->licences.book;
    for (size_t i = 0; i < book->count; i++) {
        struct entry *entry = book->by_serial[i];
        if (entry->live == 0 || entry->revoked_ms != 0 || now - entry->written.used_ms < LICENCE_DAY_MS)
            continue;
        struct licence_decision decision = decide(broker, entry, now);
        if (decision.verdict == LICENCE_RENEW)
            renew(broker, entry, &decision.licence, now);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    struct broker *broker = context;
    struct licences *licences = &broker->licences;
    int64_t now = clock_real_ms();
    (void)fd, (void)what;
    if (licences->state == LICENCES_BLIND)
        db_licences_load(broker->db, (uint8_t)licences->rules.mode, now, on_books, broker);
    if (licences->pending > 0) {
        logons_wake_held(broker);
        for (size_t i = 0; i < licences->book.count; i++) {
            struct entry *entry = licences->book.by_serial[i];
            if (entry->asker != NULL && clock_monotonic_ms() - entry->written_since >= PATIENCE_MS)
                answer_asker(
                    entry, REASON_INTERNAL,
                    "The books cannot be written at the moment. It counts, and is written when they can.");
        }
    }
    if (licences->noted_day != now / LICENCE_DAY_MS)
        renew_live(broker, now);
    book_look(&licences->book, now);
    note(broker, 0, 0, 0);
}

bool licences_start(struct broker *broker)
{
    struct licences *licences = &broker->licences;
    if (licences->rules.mode == LICENCE_NONE)
        return true;
    licences->tick = event_new(broker->base, -1, EV_PERSIST, on_tick, broker);
    return licences->tick != NULL &&
           event_add(licences->tick, &(struct timeval){.tv_sec = TICK_SECONDS}) == 0 &&
           db_licences_load(broker->db, (uint8_t)licences->rules.mode, clock_real_ms(), on_books, broker);
}

void licences_stop(struct broker *broker)
{
    if (broker->licences.tick != NULL)
        event_free(broker->licences.tick);
    book_free(&broker->licences.book);
}

void licences_look_at_file(struct broker *broker)
{
    struct licences *licences = &broker->licences;
    if (!db_take_anew(broker->db) || licences->state != LICENCES_KNOWN)
        return;
    log_warning("licences", "the new file gets the books as they are known");
    db_licence_note_first_use(broker->db, licences->first_use_ms);
    for (size_t i = 0; i < licences->book.count; i++)
        write_down(broker, licences->book.by_serial[i]);
}

/* What stands against changing the books for an administrator, or REASON_NONE. */
static enum reason look_before_change(const struct broker *broker, const struct peer *peer,
                                      const char *holder, const char **detail_r)
{
    const struct licences *licences = &broker->licences;
    *detail_r = "";
    if (!has_holders(licences)) {
        *detail_r = licences->rules.mode == LICENCE_NONE ? "Licensing is not in use." : NO_HOLDERS;
        return REASON_WRONG_STATE;
    }
    if (licences->state != LICENCES_KNOWN) {
        *detail_r = "The books cannot be read at the moment.";
        return REASON_BUSY;
    }
    if (peer->licence != NULL)
        return REASON_BUSY;
    if (holder[0] == '\0' || strlen(holder) >= BOOK_HOLDER_ROOM || !text_is_printable(holder)) {
        *detail_r = "The holder is missing, too long or not printable.";
        return REASON_BAD_REQUEST;
    }
    return REASON_NONE;
}

static void await_answer(struct peer *peer, struct entry *entry)
{
    entry->asker = peer;
    peer->licence = entry;
    if (entry->writes == 0) /* no memory for the write */
        answer_asker(entry, REASON_INTERNAL, "");
}

enum reason licences_issue(struct broker *broker, struct peer *peer, const char *holder,
                           const char **detail_r)
{
    struct licences *licences = &broker->licences;
    int64_t now = clock_real_ms();
    enum reason reason = look_before_change(broker, peer, holder, detail_r);
    if (reason != REASON_NONE)
        return reason;
    book_look(&licences->book, now);
    struct entry *entry = book_find(&licences->book, holder);
    if (entry != NULL && (entry->counted || entry->asker != NULL)) {
        *detail_r = "The holder has a licence.";
        return REASON_WRONG_STATE;
    }
    if (licences->book.places >= licences->rules.pool)
        return REASON_NO_LICENCE;
    uint32_t random;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return REASON_INTERNAL;
    struct licence licence = licence_make(&licences->rules, now, random);
    entry = issue(broker, entry, holder, &licence, ", by an administrator");
    if (entry == NULL)
        return REASON_INTERNAL;
    await_answer(peer, entry);
    return REASON_NONE;
}

enum reason licences_revoke(struct broker *broker, struct peer *peer, const char *holder,
                            const char **detail_r)
{
    struct licences *licences = &broker->licences;
    int64_t now = clock_real_ms();
    enum reason reason = look_before_change(broker, peer, holder, detail_r);
    if (reason != REASON_NONE)
        return reason;
    book_look(&licences->book, now);
    struct entry *entry = book_find(&licences->book, holder);
    *detail_r = entry == NULL || !entry->counted ? "The holder has no permanent licence."
                : entry->live > 0                ? "A session uses it: log that off first."
                : entry->asker != NULL           ? "Another request for it is under way."
                : book_revoked(&licences->book, now) >= licence_revocable(&licences->rules)
                    ? "As many are revoked as RevokePercent of the pool allows at a time."
                    : "";
    if ((*detail_r)[0] != '\0')
        return REASON_WRONG_STATE;
    book_revoke(&licences->book, entry, now);
    char detail[BOOK_HOLDER_ROOM + 64];
    snprintf(detail, sizeof(detail), "licence %llu of %s", (unsigned long long)entry->serial, holder);
    record_event(broker, EVENT_LICENCE_REVOKED, 0, NULL, NULL, REASON_NONE, detail);
    write_down(broker, entry);
    await_answer(peer, entry);
    return REASON_NONE;
}
