/* The messages of the Display Control channel (MS-RDPEDISP): a client tells the size that it wants. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISPLAY_CONTROL_NAME         "Microsoft::Windows::RDS::DisplayControl"
#define DISPLAY_CONTROL_CAPS_SIZE    20
#define DISPLAY_CONTROL_MOST         16 /* monitors in one layout */
#define DISPLAY_CONTROL_LAYOUT_BYTES (16 + 40 * DISPLAY_CONTROL_MOST)

struct display_size {
    uint32_t width, height;
};

/* Writes DISPLAYCONTROL_CAPS_PDU: one monitor, of up to 8192 x 8192. */
void display_control_caps(uint8_t data_r[DISPLAY_CONTROL_CAPS_SIZE]);
/* Reads a DISPLAYCONTROL_MONITOR_LAYOUT_PDU: the primary monitor's size, held within what a session can have,
 * the width even. Everything is checked first; false, with what is wrong in *problem_r, for any other
 * message.
 */
bool display_control_layout(const uint8_t *data, size_t size, struct display_size *size_r,
                            const char **problem_r);
