/* What the key Shadow means. Pure. */
#pragma once

#include <stdbool.h>

/* The values of the key, as Windows has them. */
enum shadow_allowed {
    SHADOW_NOBODY = 0,
    SHADOW_CONTROL_ASKED = 1, /* with keys and mouse, where the person says yes */
    SHADOW_CONTROL_UNASKED = 2,
    SHADOW_VIEW_ASKED = 3,
    SHADOW_VIEW_UNASKED = 4,
};

/* What is asked for, as enum ShadowMode of lsm.proto. */
enum shadow_mode { SHADOW_AS_ALLOWED, SHADOW_CONTROL, SHADOW_VIEW };

struct shadow_verdict {
    const char *refusal; /* a sentence; NULL: it may be, and the rest holds */
    bool control;        /* with keys and mouse */
    bool consent;        /* the person is to be asked */
};

/* A value that is none of the key's counts as SHADOW_NOBODY. */
void shadow_judge(struct shadow_verdict *verdict_r, unsigned allowed, enum shadow_mode mode);
