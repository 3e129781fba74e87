/* The parsers of proc.h: names of processes, mounts and groups are anybody's to choose. */
#include <stdint.h>
#include <string.h>

#include "sessionmgr/cgroup-v1.h"
#include "sessionmgr/proc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[8192], path[64];
    static struct proc_mount mount;
    struct proc_socket socket;
    struct proc_stat stat;
    if (size >= sizeof(text))
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    proc_parse_mount(text, &mount);
    proc_parse_cgroup(text, path, sizeof(path));
    cgroup_v1_parse_mount(text, "cpu", &mount);
    cgroup_v1_parse_group(text, "cpu", path, sizeof(path));
    proc_parse_tcp(text, &socket);
    proc_parse_stat(text, &stat);
    return 0;
}
