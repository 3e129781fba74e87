#include "broker/shadow-policy.h"

#include "rpc/lsm.h"

_Static_assert((int)SHADOW_AS_ALLOWED == (int)LODGE__LSM__SHADOW_MODE__SHADOW_AS_ALLOWED &&
                   (int)SHADOW_CONTROL == (int)LODGE__LSM__SHADOW_MODE__SHADOW_CONTROL &&
                   (int)SHADOW_VIEW == (int)LODGE__LSM__SHADOW_MODE__SHADOW_VIEW,
               "the modes are those of lsm.proto");

void shadow_judge(struct shadow_verdict *verdict_r, unsigned allowed, enum shadow_mode mode)
{
    bool may_control = allowed == SHADOW_CONTROL_ASKED || allowed == SHADOW_CONTROL_UNASKED;
    *verdict_r = (struct shadow_verdict){
        .control = may_control && mode != SHADOW_VIEW,
        .consent = allowed == SHADOW_CONTROL_ASKED || allowed == SHADOW_VIEW_ASKED,
    };
    if (allowed == SHADOW_NOBODY || allowed > SHADOW_VIEW_UNASKED)
        verdict_r->refusal = "Sessions of this user are not to be shadowed (Shadow = 0).";
    else if (mode == SHADOW_CONTROL && !may_control)
        verdict_r->refusal = "Sessions of this user may be looked at, but not controlled (Shadow = 3 or 4).";
}
