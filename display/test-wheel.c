#include "display/wheel.h"

#include "tests/check.h"

int main(void)
{
    struct wheel wheel = {0};
    CHECK(wheel_turn(&wheel, 120) == 1);
    CHECK(wheel_turn(&wheel, -240) == -2);
    for (int i = 0; i < 3; i++) /* a fine wheel: a click for each four events */
        CHECK(wheel_turn(&wheel, 30) == 0);
    CHECK(wheel_turn(&wheel, 30) == 1);
    CHECK(wheel_turn(&wheel, 100) == 0);
    CHECK(wheel_turn(&wheel, -30) == 0); /* the other way starts anew */
    CHECK(wheel_turn(&wheel, -90) == -1);
    CHECK(wheel_turn(&wheel, 0) == 0);
    CHECK(wheel_turn(&wheel, INT16_MAX) == WHEEL_MAX_CLICKS);
    CHECK(wheel_turn(&wheel, INT16_MIN) == -WHEEL_MAX_CLICKS);
    CHECK(wheel_turn(&wheel, 0) == 0); /* what was too much is not kept for later */
    return 0;
}
