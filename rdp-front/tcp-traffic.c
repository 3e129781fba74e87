#include "rdp-front/tcp-traffic.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

bool tcp_traffic_of(int socket, struct tcp_traffic *traffic_r)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return false;
    *traffic_r = (struct tcp_traffic){info.tcpi_bytes_sent, info.tcpi_bytes_received, info.tcpi_rtt};
    return true;
}
