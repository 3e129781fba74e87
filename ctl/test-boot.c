#include "ctl/boot.h"

#include "tests/check.h"

static struct steps steps = {.began_us = 1000,
                             .ready_us = 9000,
                             .count = 3,
                             .steps = {{"first", "done", "", 1000, 5000},
                                       {"<b>&\"", "degraded", "x", 5000, 5001},
                                       {"last", "stopped", "", 8999, 9000}}};

static void test_bars(void)
{
    char bar[40];
    CHECK_TEXT(boot_bar(&steps, &steps.steps[0], bar, 8), "████");
    CHECK_TEXT(boot_bar(&steps, &steps.steps[1], bar, 8), "    █");
    CHECK_TEXT(boot_bar(&steps, &steps.steps[2], bar, 8), "       █");
    /* Times that cannot be. */
    struct step odd = {"odd", "done", "", 0, 0}, late = {"late", "done", "", 900000, 10};
    CHECK_TEXT(boot_bar(&steps, &odd, bar, 8), "█");
    CHECK_TEXT(boot_bar(&steps, &late, bar, 8), "       █");
    struct steps none = {0};
    CHECK_TEXT(boot_bar(&none, &odd, bar, 8), "█");
}

static void test_svg(void)
{
    char text[8192] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");
    CHECK(out != NULL);
    boot_svg(&steps, out);
    fclose(out);
    CHECK(strncmp(text, "<svg ", 5) == 0 && strstr(text, "</svg>\n") != NULL);
    CHECK(strstr(text, "&lt;b&gt;&amp;&quot;</text>") != NULL && strstr(text, "<b>") == NULL);
    CHECK(strstr(text, "<rect x=\"150.0\" y=\"43\" width=\"350.0\" height=\"16\" fill=\"#3a7\"/>") != NULL);
    CHECK(strstr(text, "fill=\"#d90\"") != NULL && strstr(text, "fill=\"#c33\"") != NULL);
    CHECK(strstr(text, "8.0 ms in all") != NULL);
}

int main(void)
{
    test_bars();
    test_svg();
    return 0;
}
