/* The session's sound server, which is started when sound is first wanted and ends with the session: programs
 * that play stay connected to it while no client is there. It is pulseaudio, or where that is not installed
 * pipewire with wireplumber and pipewire-pulse. */
#pragma once

#include <stddef.h>

/* The sink that the session's programs play to, for module-null-sink. */
#define AUDIO_SINK_NAME "lodge"
#define AUDIO_SINK_ARGUMENTS     \
    "sink_name=" AUDIO_SINK_NAME \
    " rate=48000 channels=2 format=s16le sink_properties=device.description=Lodge"

/* Where a server of the session listens, as libpulse takes it. In a buffer of the caller's. Returns 0, or
 * -ENOENT: the session has no runtime directory. */
int audio_server_address(char *address_r, size_t size);
/* Starts one. Two that are started at once are harmless: one of them ends. Returns 0, when it may take a
 * while until it answers, or a negative errno: -ENOENT: none is installed. */
int audio_server_start(void);
