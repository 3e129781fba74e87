#include "rpc/lsm.h"

#include <errno.h>
#include <unistd.h>

#include "common/packet.h"
#include "tests/check.h"

/* The order of these three, each way round. */
static void check_order(Lodge__Lsm__ListOrder order, const struct lsm_list_key *const keys[3])
{
    Lodge__Lsm__ListRequest list = LODGE__LSM__LIST_REQUEST__INIT;
    list.order = order;
    for (int turned = 0; turned < 2; turned++) {
        list.descending = turned;
        for (int i = 0; i < 9; i++) {
            int got = lsm_list_compare(&list, keys[i / 3], keys[i % 3]);
            int wanted = turned ? i % 3 - i / 3 : i / 3 - i % 3;
            CHECK((got > 0) - (got < 0) == (wanted > 0) - (wanted < 0));
        }
    }
}

static void check_list_orders(void)
{
    static const struct lsm_list_key a = {1, "bob", UINT64_MAX}, b = {2, "ada", 5},
                                     c = {UINT32_MAX, "ada", 5};
    check_order(LODGE__LSM__LIST_ORDER__BY_ID, (const struct lsm_list_key *[]){&a, &b, &c});
    check_order(LODGE__LSM__LIST_ORDER__BY_USER, (const struct lsm_list_key *[]){&b, &c, &a});
    check_order(LODGE__LSM__LIST_ORDER__BY_LOGON, (const struct lsm_list_key *[]){&b, &c, &a});
    check_order((Lodge__Lsm__ListOrder)9, (const struct lsm_list_key *[]){&a, &b, &c});
}

static void check_pages(void)
{
    Lodge__Lsm__ListRequest list = LODGE__LSM__LIST_REQUEST__INIT;
    Lodge__Lsm__Sessions page = LODGE__LSM__SESSIONS__INIT;
    Lodge__Lsm__Session ada = LODGE__LSM__SESSION__INIT, bob = LODGE__LSM__SESSION__INIT;
    Lodge__Lsm__Session *both[] = {&ada, &bob};
    CHECK(lsm_list_is_right(&list, &page));
    page.more = true;
    CHECK(!lsm_list_is_right(&list, &page)); /* more, and not one of them here */
    page.session = both;
    page.n_session = 2;
    ada.id = 7, bob.id = 3;
    ada.user = (char *)"ada", bob.user = (char *)"bob";
    CHECK(!lsm_list_is_right(&list, &page));
    list.order = LODGE__LSM__LIST_ORDER__BY_USER;
    CHECK(lsm_list_is_right(&list, &page));
    list.after = 7, list.after_user = (char *)"ada";
    CHECK(!lsm_list_is_right(&list, &page)); /* that one again */
    list.after = 6;
    CHECK(lsm_list_is_right(&list, &page));
    list.descending = true;
    CHECK(!lsm_list_is_right(&list, &page));
    list.descending = false;
    bob.id = 0;
    CHECK(!lsm_list_is_right(&list, &page));
}

int main(void)
{
    check_list_orders();
    check_pages();
    int pair[2], descriptor = -1;
    CHECK(packet_pair(pair) == 0);
    Lodge__Lsm__Client client = LODGE__LSM__CLIENT__INIT;
    client.name = (char *)"workstation";
    Lodge__Lsm__LogonRequest logon = LODGE__LSM__LOGON_REQUEST__INIT;
    logon.client = &client;
    Lodge__Lsm__Request request = LODGE__LSM__REQUEST__INIT;
    request.serial = 7;
    request.method_case = LODGE__LSM__REQUEST__METHOD_LOGON;
    request.logon = &logon;
    CHECK(lsm_send_request(pair[0], &request, STDIN_FILENO) == 0);

    Lodge__Lsm__Request *got = NULL;
    CHECK(lsm_receive_request(pair[1], &got, &descriptor) == 1 && descriptor >= 0);
    CHECK(got->serial == 7 && got->method_case == LODGE__LSM__REQUEST__METHOD_LOGON);
    CHECK_TEXT(got->logon->client->name, "workstation");
    close(descriptor);
    lodge__lsm__request__free_unpacked(got, NULL);

    CHECK(lsm_receive_request(pair[1], &got, &descriptor) == -EAGAIN);
    CHECK(packet_send(pair[0], "\xff\xff\xff", 3, NULL, 0) == 0);
    CHECK(lsm_receive_request(pair[1], &got, &descriptor) == -EPROTO);

    static char detail[70000];
    memset(detail, 'x', sizeof(detail) - 1);
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    answer.detail = detail;
    CHECK(lsm_send_answer(pair[1], &answer, -1) == -EMSGSIZE);
    close(pair[1]);
    Lodge__Lsm__Answer *back = NULL;
    CHECK(lsm_receive_answer(pair[0], &back, &descriptor) == 0);
    close(pair[0]);
    return 0;
}
