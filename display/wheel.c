#include "display/wheel.h"

#define CLICK 120

int wheel_turn(struct wheel *wheel, int16_t turn)
{
    if ((turn > 0 && wheel->rest < 0) || (turn < 0 && wheel->rest > 0))
        wheel->rest = 0;
    wheel->rest += turn;
    int clicks = wheel->rest / CLICK;
    wheel->rest -= clicks * CLICK;
    if (clicks > WHEEL_MAX_CLICKS)
        return WHEEL_MAX_CLICKS;
    return clicks < -WHEEL_MAX_CLICKS ? -WHEEL_MAX_CLICKS : clicks;
}
