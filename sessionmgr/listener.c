/* The RDP listener is stopped and started by its socket: one that listens, or in its place one that does
 * not. lodge-rdp holds what it was given last and brings it along when lodge-smss comes back, so that a
 * stopped listener stays stopped; whoever of the two dies alone. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "common/packet.h"
#include "sessionmgr/smss.h"

static struct service *listener_of(struct smss *smss)
{
    return &smss->services[SERVICE_LISTENER];
}

bool listener_is_stopped(const struct smss *smss)
{
    int fd = smss->services[SERVICE_LISTENER].listening, listens = 0;
    socklen_t size = sizeof(listens);
    return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && !listens;
}

void listener_tell(struct smss *smss, bool answer)
{
    const struct service *listener = listener_of(smss);
    struct sm_listener_state state = smss->listener;
    bool up = listener->state == SERVICE_READY;
    state.state = listener_is_stopped(smss) ? SM_LISTENING_STOPPED : up ? SM_LISTENING : SM_LISTENING_DOWN;
    state.pid = listener->process.pid > 0 ? (uint32_t)listener->process.pid : 0;
    state.port = (uint16_t)smss->conf.port;
    state.answer = answer;
    memcpy(state.address, smss->conf.address, strnlen(smss->conf.address, sizeof(state.address) - 1));
    if (smss->phase != SMSS_RECOVERING)
        peer_send(smss, smss->services[SERVICE_BROKER].peer, SM_LISTENER_STATE, &state);
}

void listener_numbers(struct smss *smss, const struct sm_listener_state *numbers)
{
    smss->listener.connections = numbers->connections;
    smss->listener.accepted = numbers->accepted;
    smss->listener.refused = numbers->refused;
    listener_tell(smss, false);
}

void listener_give(struct smss *smss)
{
    struct service *listener = listener_of(smss);
    if (listener->listening >= 0)
        peer_send_descriptor(listener->peer, SM_LISTENER_SET, &(struct sm_listener_set){0},
                             listener->listening);
}

void listener_set(struct smss *smss, bool stopped)
{
    struct service *listener = listener_of(smss);
    if (listener->listening >= 0 && listener_is_stopped(smss) != stopped) {
        int fd =
            stopped ? socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) : boot_listen(smss, SERVICE_LISTENER);
        if (fd >= 0) {
            /* At once, whether or not lodge-rdp lets go of it. */
            shutdown(listener->listening, SHUT_RDWR);
            close_descriptor(&listener->listening);
            listener->listening = fd;
            listener_give(smss);
        } else {
            log_error("listener", "cannot be %s", stopped ? "stopped" : "started");
        }
    }
    listener_tell(smss, true);
}
