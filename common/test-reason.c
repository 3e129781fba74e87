#include "common/reason.h"

#include "tests/check.h"

int main(void)
{
    for (unsigned reason = 0; reason < REASON_COUNT; reason++) {
        CHECK(reason_name(reason)[0] != '\0' && reason_sentence(reason)[0] != '\0');
        for (unsigned other = 0; other < reason; other++)
            CHECK(strcmp(reason_name(reason), reason_name(other)) != 0);
    }
    CHECK_TEXT(reason_name(REASON_COUNT), "internal-error");
    CHECK(reason_error_info(REASON_TAKEN_OVER) == 5);
    CHECK(reason_error_info(UINT32_MAX) == 0);
    return 0;
}
