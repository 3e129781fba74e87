#include "broker/methods-policy.h"

#include <stdio.h>
#include <string.h>

#include "broker/broker.h"
#include "broker/reload.h"

static const struct {
    Lodge__Lsm__DrainMode told;
    enum policy_drain mode;
} drain_modes[] = {
    {LODGE__LSM__DRAIN_MODE__OFF, POLICY_DRAIN_OFF},
    {LODGE__LSM__DRAIN_MODE__RECONNECTS, POLICY_DRAIN_RECONNECTS},
    {LODGE__LSM__DRAIN_MODE__UNTIL_RESTART, POLICY_DRAIN_UNTIL_RESTART},
};
#define DRAIN_MODES (sizeof(drain_modes) / sizeof(drain_modes[0]))

/* Returns false when the request has been answered. */
static bool set_drain(struct peer *peer, uint64_t serial, Lodge__Lsm__DrainMode wanted)
{
    size_t i = 0;
    while (i < DRAIN_MODES && drain_modes[i].told != wanted)
        i++;
    if (i == DRAIN_MODES) {
        peer_refuse(peer, serial, REASON_BAD_REQUEST, "There is no such drain mode.");
        return false;
    }
    if (drain_modes[i].mode == peer->broker->drain.mode)
        return true;
    int failed = limits_set_drain(peer->broker, drain_modes[i].mode, peer->uid);
    if (failed)
        peer_refuse(peer, serial, REASON_INTERNAL, strerror(-failed));
    return failed == 0;
}

void policy_call_drain(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    Lodge__Lsm__DrainMode wanted = request->drain->mode;
    Lodge__Lsm__Drain drain = LODGE__LSM__DRAIN__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    (void)descriptor;
    if (wanted != LODGE__LSM__DRAIN_MODE__UNCHANGED && !set_drain(peer, request->serial, wanted))
        return;
    for (size_t i = 0; i < DRAIN_MODES; i++) {
        if (drain_modes[i].mode == peer->broker->drain.mode)
            drain.mode = drain_modes[i].told;
    }
    answer.result_case = LODGE__LSM__ANSWER__RESULT_DRAIN;
    answer.drain = &drain;
    peer_answer(peer, request->serial, &answer, -1);
}

#define SETTING_ROOM (CONF_TEXT_MAX + 64)

/* "KEY = VALUE" of each that is marked; returns how many. */
static size_t list_settings(const struct conf *conf, const bool *marked, char (*texts)[SETTING_ROOM],
                            char **pointers)
{
    char value[CONF_TEXT_MAX + 1];
    size_t count = 0;
    for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
        if (!marked[i])
            continue;
        snprintf(texts[count], SETTING_ROOM, "%s = %s", conf_keys[i].key,
                 conf_value(conf, &conf_keys[i], value, sizeof(value)));
        pointers[count] = texts[count];
        count++;
    }
    return count;
}

void policy_call_reload(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    struct reload_outcome outcome;
    char by[32], texts[CONF_KEY_COUNT * 2][SETTING_ROOM], *pointers[CONF_KEY_COUNT * 2];
    Lodge__Lsm__Reloaded reloaded = LODGE__LSM__RELOADED__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    (void)descriptor;
    snprintf(by, sizeof(by), "by uid %u", (unsigned)peer->uid);
    reload_run(peer->broker, by, &outcome);
    if (outcome.error[0] != '\0') {
        peer_refuse(peer, request->serial, REASON_BAD_CONFIGURATION, outcome.error);
        return;
    }
    reloaded.changed = pointers;
    reloaded.n_changed = list_settings(&outcome.wanted, outcome.changed, texts, pointers);
    reloaded.restart = pointers + reloaded.n_changed;
    reloaded.n_restart =
        list_settings(&outcome.wanted, outcome.restart, texts + reloaded.n_changed, reloaded.restart);
    answer.result_case = LODGE__LSM__ANSWER__RESULT_RELOADED;
    answer.reloaded = &reloaded;
    peer_answer(peer, request->serial, &answer, -1);
}

void policy_call_policy(struct peer *peer, const Lodge__Lsm__Request *request, int *descriptor)
{
    const struct broker *broker = peer->broker;
    Lodge__Lsm__PolicyValue told[CONF_KEY_COUNT], *pointers[CONF_KEY_COUNT];
    char values[CONF_KEY_COUNT][CONF_TEXT_MAX + 1], origins[CONF_KEY_COUNT][SETTING_ROOM];
    Lodge__Lsm__Policy policy = LODGE__LSM__POLICY__INIT;
    Lodge__Lsm__Answer answer = LODGE__LSM__ANSWER__INIT;
    (void)descriptor;
    for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
        const struct conf_key *key = &conf_keys[i];
        lodge__lsm__policy_value__init(&told[i]);
        told[i].section = (char *)key->section;
        told[i].key = (char *)key->key;
        told[i].value = (char *)conf_value(&broker->conf, key, values[i], sizeof(values[i]));
        told[i].reloadable = key->reloadable;
        told[i].origin = (char *)"default";
        if (broker->conf_lines[i] != 0) {
            snprintf(origins[i], sizeof(origins[i]), "%.255s:%u", broker->conf_path, broker->conf_lines[i]);
            told[i].origin = origins[i];
        }
        pointers[i] = &told[i];
    }
    policy.value = pointers;
    policy.n_value = CONF_KEY_COUNT;
    answer.result_case = LODGE__LSM__ANSWER__RESULT_POLICY;
    answer.policy = &policy;
    peer_answer(peer, request->serial, &answer, -1);
}
