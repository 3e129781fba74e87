/* The display agent as a whole: one X server, the broker, lodge-init, and the viewers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "display/endsession.h"
#include "display/input.h"
#include "display/lock.h"
#include "display/messages.h"
#include "display/pointer.h"
#include "display/redirect.h"
#include "display/resize.h"
#include "display/screen.h"
#include "display/windows.h"
#include "display/x.h"

#define AGENT_MAX_VIEWERS 16

/* What a viewer may do besides looking on. */
enum viewer_part {
    VIEWER_OWN = 1,      /* the session's own client: everything */
    VIEWER_CONTROLS = 2, /* shadows the session, with keys and mouse */
    VIEWER_LOOKS_ON = 4, /* shadows it */
};

/* One viewer. What it has yet to be told is kept as versions and a region, never as a queue of messages: a
 * viewer that does not read costs nothing more, and gets the newest when it reads again. */
struct viewer {
    struct viewer *next; /* of agent.viewers */
    uint64_t id;
    int fd;
    enum viewer_part part;
    struct input_source source;
    struct region damage; /* in the memory, and not yet told */
    uint32_t generation;  /* of the memory that it has; 0: none */
    uint32_t shape_version, moved_version;
    bool busy; /* has a DAMAGE that it has not answered */
    bool suppressed;
    bool gone;          /* to be freed at the end of this turn */
    bool tell_broker;   /* ... and the broker is told */
    bool full;          /* its socket takes nothing more */
    int64_t full_since; /* monotonic ms */
};

struct agent {
    struct x x;
    struct screen screen;
    struct pointer pointer;
    struct resize resize;
    struct input input;
    struct endsession endsession;
    struct windows windows;
    bool windows_told; /* that they are closed */
    bool x_asked;      /* whether it works */
    struct messages messages;
    struct lock lock;
    struct redirects redirects;
    struct viewer *viewers;
    size_t viewer_count;
    int listen_fd, broker_fd, channel_fd;
    int64_t input_at, input_told; /* the person's last input, and what the broker knows of it; 0: none */
    int64_t input_due;            /* the broker is told no sooner */
    bool over;
    int status; /* of the program, when over */
};

/* Connects to the X server and takes the descriptors, which stay the caller's. Returns false, logged, when
 * the display cannot be used. */
bool agent_open(struct agent *agent_r, int listen_fd, int channel_fd);
/* Serves until the X server, lodge-init or the channel ends. Returns the program's exit status. */
int agent_run(struct agent *agent);
void agent_close(struct agent *agent);

/* viewer.c */

/* Takes a viewer whose end of the channel is `fd`, the agent's from now on. One with the same number goes. */
void viewer_attach(struct agent *agent, int fd, uint64_t id, enum viewer_part part);
/* Says BYE to those who shadow the session. */
void viewer_dismiss_shadows(struct agent *agent, unsigned reason);
/* Says BYE to a viewer (0: to all of them) and lets it go; the broker is told when `tell_broker`. */
void viewer_dismiss(struct agent *agent, uint64_t id, unsigned reason, const char *detail, bool tell_broker);
/* Reads what the viewer sent. */
void viewer_receive(struct agent *agent, struct viewer *viewer);
/* True when a new frame would be passed on to it at once, or it waits for its first. */
bool viewer_wants_frame(const struct agent *agent, const struct viewer *viewer);
/* Tells the viewer what it has yet to be told. */
void viewer_tell(struct agent *agent, struct viewer *viewer, int64_t now);
/* Frees the viewers that have gone. */
void viewer_reap(struct agent *agent);

/* ports.c */

/* Accepts the broker; a new connection replaces the old one. */
void broker_accept(struct agent *agent);
void broker_receive(struct agent *agent);
/* Sends to the broker when it is connected. One that does not read is cut off: it comes again and is told
 * everything anew. */
void broker_send(struct agent *agent, unsigned number, const void *body);
/* Tells the broker what the person answered to a message. */
void broker_message_ended(struct agent *agent, size_t place);
/* Tells the broker of the person's last input when it is time to. */
void broker_tell_input(struct agent *agent, int64_t now);
/* A locker may have begun or ended. */
void broker_lock_changed(struct agent *agent);
void channel_receive(struct agent *agent);
/* Tells lodge-init that the display can be used. Returns 0 or a negative errno. */
int channel_ready(struct agent *agent);
/* The desktop's session manager has answered, or not in time: it is the windows' turn. */
void channel_manager_answered(struct agent *agent, enum sm_manager answer);
/* Tells lodge-init that no window is left that could close. */
void channel_tell_closed(struct agent *agent);
