/* Device names: links in RUN/devices, by the section [DosDevices]. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/conf-items.h"
#include "common/conf.h"

#define DEVICES_FOLDER "devices"

/* Makes the folder hold those names and no others. Returns how many of them lead nowhere, go round in a
 * circle (such a one is not made) or cannot be made; `detail` says which, as far as there is room. *count_r
 * is the number of names. */
unsigned devices_make(const struct conf *conf, const struct conf_items *items, unsigned *count_r,
                      char *detail, size_t detail_size);
void devices_remove(const struct conf *conf);
