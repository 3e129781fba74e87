/* Requests that are broken in every way: each method's cut at every length, with bytes too many, with lengths
 * that cannot be, with texts that are none or huge, with the wrong number of descriptors; and peers that say
 * nothing, never finish, or die while they are served. The broker answers or drops the peer, serves everybody
 * else, and keeps nothing of it. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include "broker/broker.h"
#include "broker/harness.h"
#include "broker/methods.h"
#include "common/clock.h"
#include "common/packet.h"

#define UNKNOWN 77 /* a session that there is not; also what each number in a request is */
#define SILENT  50
#define HUGE    60000

static struct harness harness;
static union sm_body sm;

/* One after another: the text that a request's only text field of interest gets. */
struct filling {
    const char *text; /* of the field number `which`, counted over all texts; "text" is in the others */
    int which, seen;
};

static void fill(ProtobufCMessage *message, struct filling *filling);

static void fill_field(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                       struct filling *filling)
{
    void *at = (uint8_t *)message + field->offset;
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        *(const char **)at = filling->seen++ == filling->which ? filling->text : "text";
        break;
    case PROTOBUF_C_TYPE_UINT64:
        *(uint64_t *)at = UNKNOWN;
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_ENUM:
        *(uint32_t *)at = UNKNOWN;
        break;
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)at = 1;
        break;
    case PROTOBUF_C_TYPE_MESSAGE: {
        const ProtobufCMessageDescriptor *type = field->descriptor;
        ProtobufCMessage *part = calloc(1, type->sizeof_message);
        CHECK(part != NULL);
        protobuf_c_message_init(type, part);
        fill(part, filling);
        *(ProtobufCMessage **)at = part;
        break;
    }
    default:
        break;
    }
}

static void fill(ProtobufCMessage *message, struct filling *filling)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        if (field->label != PROTOBUF_C_LABEL_REPEATED)
            fill_field(message, field, filling);
    }
}

/* Only what fill() made is freed: texts are constants. */
static void release(ProtobufCMessage *message)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        if (field->type == PROTOBUF_C_TYPE_MESSAGE && field->label != PROTOBUF_C_LABEL_REPEATED)
            release(*(ProtobufCMessage **)((uint8_t *)message + field->offset));
    }
    free(message);
}

/* A whole request of the method, packed. Returns its size. */
static size_t pack(const ProtobufCFieldDescriptor *method, struct filling *filling, uint8_t *data)
{
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    ProtobufCMessage *body =
        calloc(1, ((const ProtobufCMessageDescriptor *)method->descriptor)->sizeof_message);
    CHECK(body != NULL);
    protobuf_c_message_init(method->descriptor, body);
    fill(body, filling);
    request.serial = 5;
    request.method_case = (Lodge__Lsm__Request__MethodCase)method->id;
    request.ping = (Lodge__Lsm__Nothing *)body;
    size_t size = lodge__lsm__request__get_packed_size(&request);
    CHECK(size <= PACKET_MAX_BYTES);
    lodge__lsm__request__pack(&request, data);
    release(body);
    return size;
}

/* What a method is called by: the front end, or an admin who may call everything else. */
static int connect_for(const ProtobufCFieldDescriptor *method)
{
    return methods[method->id].roles == ROLE_FRONT ? lsm_connect_front(&harness)
                                                   : lsm_connect_as(&harness, 0);
}

/* Sends the packet and a ping behind it: what comes are answers, the ping's at last, or the end. Gives the
 * reason of the packet's answer; -1: none, and the ping's came; -2: the connection has ended. */
static int put(int *fd, const ProtobufCFieldDescriptor *method, const uint8_t *data, size_t size,
               const int *descriptors, size_t descriptor_count)
{
    Lodge__Lsm__Nothing nothing = LODGE__LSM__NOTHING__INIT;
    Lodge__Lsm__Request ping = LODGE__LSM__REQUEST__INIT;
    int outcome = -1;
    if (*fd < 0)
        *fd = connect_for(method);
    int sent;
    while ((sent = packet_send(*fd, data, size, descriptors, descriptor_count)) == -EPERM &&
           methods[method->id].roles == ROLE_FRONT)
        sched_yield();    /* the broker does not know yet that this is the front end */
    if (sent == -EPERM) { /* the kernel lets nobody else pass descriptors (Linux 6.16) */
        close_descriptor(fd);
        return -2;
    }
    CHECK(sent == 0);
    ping.serial = 99;
    ping.method_case = LODGE__LSM__REQUEST__METHOD_PING;
    ping.ping = &nothing;
    int failed = lsm_send_request(*fd, &ping, -1);
    CHECK(failed == 0 || failed == -EPIPE);
    for (bool over = false; !over;) {
        Lodge__Lsm__Answer *answer;
        int descriptor = -1;
        CHECK(poll(&(struct pollfd){.fd = *fd, .events = POLLIN}, 1, HARNESS_PATIENCE_MS) == 1);
        int got = lsm_receive_answer(*fd, &answer, &descriptor);
        CHECK(got == 0 || got == 1);
        close_descriptor(&descriptor);
        if (got == 0) {
            close_descriptor(fd);
            return -2;
        }
        over = answer->serial == 99;
        if (!over)
            outcome = (int)answer->reason;
        lodge__lsm__answer__free_unpacked(answer, NULL);
    }
    return outcome;
}

static void still_serves(void)
{
    CHECK(lsm_state_of(&harness, 1) == LODGE__LSM__STATE__ACTIVE);
}

/* Takes what lodge-smss is told meanwhile: logons that begin and are given up. */
static void drain_sm(void)
{
    struct message message;
    const char *problem;
    int got;
    while ((got = message_receive(harness.sm, &sm_protocol, SM_BROKER, &sm, sizeof(sm), &message,
                                  &problem)) == 1)
        close_descriptor(&message.descriptor);
    CHECK(got == -EAGAIN);
}

/* With the descriptor that the method wants. */
static int put_right(int *fd, const ProtobufCFieldDescriptor *method, const uint8_t *data, size_t size)
{
    int null = STDIN_FILENO;
    drain_sm();
    return put(fd, method, data, size, &null, methods[method->id].with_descriptor ? 1 : 0);
}

static void cut_at_every_length(const ProtobufCFieldDescriptor *method, const uint8_t *data, size_t size)
{
    int fd = -1;
    for (size_t cut = 1; cut < size; cut++)
        put_right(&fd, method, data, cut);
    close_descriptor(&fd);
}

static void with_bytes_too_many(const ProtobufCFieldDescriptor *method, uint8_t *data, size_t size)
{
    static const uint8_t unknown[] = {0xc2, 0x3e, 0x01, 'x'}; /* field 1000, one byte */
    int fd = -1;
    data[size] = 0x07;
    CHECK(put_right(&fd, method, data, size + 1) == -2);
    memcpy(data + size, unknown, sizeof(unknown));
    CHECK(put_right(&fd, method, data, size + sizeof(unknown)) != -2);
    close_descriptor(&fd);
}

/* The method's message says that it is as long as no packet is. */
static void with_lengths_that_cannot_be(const ProtobufCFieldDescriptor *method)
{
    static const uint8_t lengths[][10] = {{0x7f},
                                          {0xff, 0xff, 0x7f},
                                          {0xff, 0xff, 0xff, 0xff, 0x0f},
                                          {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
                                          {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    uint32_t tag = method->id << 3 | 2;
    int fd = -1;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        uint8_t data[16];
        size_t size = 0;
        for (uint32_t left = tag; left > 0; left >>= 7)
            data[size++] = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
        memcpy(data + size, lengths[i], sizeof(lengths[i]));
        CHECK(put_right(&fd, method, data, size + sizeof(lengths[i])) == -2);
    }
}

/* Texts are refused or count as any other; nobody is dropped for them. */
static void with_texts_that_are_none(const ProtobufCFieldDescriptor *method, uint8_t *data)
{
    static char huge[HUGE + 1];
    memset(huge, 'x', HUGE);
    const char *const texts[] = {"\xff\xfe", "\xc3", "\xed\xa0\x80", "\033[2J", "line\nbreak", huge};
    int fd = -1;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct filling filling = {.text = texts[i]};
        do {
            filling.seen = 0;
            size_t size = pack(method, &filling, data);
            CHECK(put_right(&fd, method, data, size) != -2);
        } while (++filling.which < filling.seen);
    }
    close_descriptor(&fd);
}

static void with_the_wrong_descriptors(const ProtobufCFieldDescriptor *method, const uint8_t *data,
                                       size_t size)
{
    int two[2] = {STDIN_FILENO, STDIN_FILENO}, fd = -1;
    CHECK(put(&fd, method, data, size, two, methods[method->id].with_descriptor ? 0 : 1) == -2);
    CHECK(put(&fd, method, data, size, two, 2) == -2);
}

static void every_method(void)
{
    static uint8_t data[PACKET_MAX_BYTES + 16];
    for (unsigned i = 0; i < lodge__lsm__request__descriptor.n_fields; i++) {
        const ProtobufCFieldDescriptor *method = &lodge__lsm__request__descriptor.fields[i];
        struct filling none = {.which = -1};
        if ((method->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0)
            continue;
        size_t size = pack(method, &none, data);
        cut_at_every_length(method, data, size);
        with_the_wrong_descriptors(method, data, size);
        with_bytes_too_many(method, data, size);
        with_lengths_that_cannot_be(method);
        with_texts_that_are_none(method, data);
        still_serves();
    }
}

static unsigned count_descriptors(void)
{
    char path[64];
    unsigned count = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)harness.broker);
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static void await_descriptors(unsigned most)
{
    int64_t deadline = clock_monotonic_ms() + HARNESS_PATIENCE_MS;
    while (count_descriptors() > most) {
        CHECK(clock_monotonic_ms() < deadline);
        drain_sm();
        poll(NULL, 0, 5);
    }
}

static void silent_peers_are_no_trouble(void)
{
    int fds[SILENT];
    for (size_t i = 0; i < SILENT; i++)
        fds[i] = lsm_connect_as(&harness, 5400);
    still_serves();
    for (size_t i = 0; i < SILENT; i++) {
        CHECK(lsm_is_silent(fds[i], 0)); /* nobody was sent away for it */
        close(fds[i]);
    }
    still_serves();
}

/* The answer takes time, and the asker is gone before it comes. */
static void peers_die_while_they_are_served(void)
{
    static const Lodge__Lsm__Request__MethodCase slow[] = {LODGE__LSM__REQUEST__METHOD_EVENTS,
                                                           LODGE__LSM__REQUEST__METHOD_SUBSCRIBE,
                                                           LODGE__LSM__REQUEST__METHOD_POLICY_TEST};
    static uint8_t data[PACKET_MAX_BYTES];
    for (unsigned i = 0; i < 60; i++) {
        const ProtobufCFieldDescriptor *method =
            protobuf_c_message_descriptor_get_field(&lodge__lsm__request__descriptor, (unsigned)slow[i % 3]);
        struct filling none = {.which = -1};
        size_t size = pack(method, &none, data);
        int fd = lsm_connect_as(&harness, 0);
        CHECK(packet_send(fd, data, size, NULL, 0) == 0);
        close(fd);
    }
    for (unsigned i = 0; i < 20; i++) { /* with a logon under way */
        int fd = lsm_connect_front(&harness);
        lsm_ask_logon(&harness, fd);
        sm_expect(&harness, SM_LOGON_START, &sm, NULL);
        uint64_t logon = sm.logon_start.logon;
        close(fd);
        sm_expect(&harness, SM_LOGON_DROP, &sm, NULL);
        CHECK(sm.logon_drop.logon == logon);
    }
    still_serves();
}

/* A lodge-smss that breaks the protocol is left, and found again; sessions do not notice. */
static void lodge_smss_breaks_the_protocol(struct agent *agent, const struct attached *attached)
{
    static const struct {
        const char *bytes;
        size_t size;
        bool descriptor;
    } rows[] = {
        {"\1", 1, false},
        {"\1\0\13", 3, false},
        {"\1\0\13\0", 4, false},                                       /* SYNCED without its number */
        {"\2\0\13\0\0\0\0\0", 8, false},                               /* of another version */
        {"\1\0\13\0\0\0\0\0\0", 9, false},                             /* with a byte too many */
        {"\1\0\13\0\0\0\0\0", 8, true},                                /* with a descriptor */
        {"\1\0\17\0\0\0\0\0", 8, false},                               /* not one of lodge-smss's */
        {"\1\0\22\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff", 20, false}}; /* a text longer than the packet */
    int descriptor = STDIN_FILENO;
    CHECK(packet_send(harness.sm, "\1\0\xff\xff", 4, NULL, 0) == 0); /* of a later build: passed over */
    still_serves();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK(packet_send(harness.sm, rows[i].bytes, rows[i].size, &descriptor, rows[i].descriptor ? 1 : 0) ==
              0);
        CHECK(poll(&(struct pollfd){.fd = harness.sm, .events = POLLIN}, 1, HARNESS_PATIENCE_MS) == 1);
        uint8_t last[PACKET_MAX_BYTES]; /* what it was saying */
        size_t none = 0;
        ssize_t got;
        while ((got = packet_receive(harness.sm, last, sizeof(last), NULL, &none)) > 0)
            CHECK(poll(&(struct pollfd){.fd = harness.sm, .events = POLLIN}, 1, HARNESS_PATIENCE_MS) == 1);
        CHECK(got == 0);
        close_descriptor(&harness.sm);
        harness_take_broker(&harness);
        sm_tell_state(&harness, 1, SM_SESSION_UP, attached->logon, 5001, "somebody");
        sm_tell_synced(&harness);
        still_serves();
    }
    CHECK(lsm_is_silent(agent->broker, 0)); /* its agent has heard nothing of all that */
}

int main(void)
{
    struct agent agent;
    struct attached attached;
    harness_begin_with_broker(&harness, "");
    int worker = lsm_connect_front(&harness);
    harness_log_on(&harness, worker, 5001, 1, &agent, &attached);
    lsm_await_event(&harness, EVENT_LOGON, 1); /* the database is open */
    unsigned before = count_descriptors();
    lodge_smss_breaks_the_protocol(&agent, &attached);
    silent_peers_are_no_trouble();
    peers_die_while_they_are_served();
    every_method();
    await_descriptors(before);
    close(worker);
    agent_end(&harness, &agent);
    harness_end(&harness);
    return 0;
}
