#include "sessionmgr/proc.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sessionmgr/cgroup.h"
#include "tests/check.h"

static void mounts_are_parsed(void)
{
    static struct proc_mount mount;
    CHECK(proc_parse_mount("41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n", &mount));
    CHECK_TEXT(mount.root, "/");
    CHECK_TEXT(mount.point, "/sys/fs/cgroup/unified");
    CHECK_TEXT(mount.type, "cgroup2");
    CHECK(proc_parse_mount("1 2 0:3 /a\\040b /c\\134d rw shared:1 master:2 - ext4 /dev/vda rw", &mount));
    CHECK_TEXT(mount.root, "/a b");
    CHECK_TEXT(mount.point, "/c\\d");
    CHECK(!proc_parse_mount("", &mount) && !proc_parse_mount("1 2 0:3 / /x rw", &mount));
    CHECK(!proc_parse_mount("1 2 0:3 / /x rw -", &mount));
}

static void cgroups_are_parsed(void)
{
    char path[32];
    CHECK(proc_parse_cgroup("0::/system.slice/a b\n", path, sizeof(path)));
    CHECK_TEXT(path, "/system.slice/a b");
    CHECK(!proc_parse_cgroup("8:pids:/x\n", path, sizeof(path)) && !proc_parse_cgroup("0::", path, 32));
    CHECK(!proc_parse_cgroup("0::/far-too-long-for-the-room-that-there-is", path, sizeof(path)));
    CHECK(proc_cgroup_of(getpid(), path, sizeof(path)) || access("/proc/self/cgroup", R_OK) == 0);
    CHECK(!proc_cgroup_of(0, path, sizeof(path)));
}

static void folders_differ_for_every_run_directory(void)
{
    char one[64], other[64];
    CHECK_TEXT(cgroup_folder_name("/run/lodge", one, sizeof(one)), "lodge-run-lodge");
    CHECK(strcmp(cgroup_folder_name("/run/a-b", one, sizeof(one)),
                 cgroup_folder_name("/run/a/b", other, sizeof(other))) != 0);
    CHECK(strcmp(cgroup_folder_name("/run/a%2db", one, sizeof(one)),
                 cgroup_folder_name("/run/a-b", other, sizeof(other))) != 0);
}

static void sockets_are_parsed(void)
{
    struct proc_socket socket;
    CHECK(proc_parse_tcp("   0: 00000000:0D3D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0"
                         "        0 12345 1 0000000000000000 100 0 0 10 0\n",
                         &socket));
    CHECK(socket.port == 3389 && socket.listening && socket.inode == 12345);
    CHECK(
        proc_parse_tcp("   1: 00000000000000000000000000000000:0D3D 00000000000000000000000000000000:0000 01 "
                       "00000000:00000000 00:00000000 00000000     0        0 99 1 0 100 0 0 10 0",
                       &socket));
    CHECK(!socket.listening && socket.inode == 99);
    CHECK(!proc_parse_tcp("  sl  local_address rem_address   st tx_queue rx_queue", &socket));
}

static void stat_is_parsed(void)
{
    struct proc_stat stat;
    CHECK(proc_parse_stat("12 (a) b (c)) S 7 12 12 0", &stat));
    CHECK(stat.pid == 12 && stat.parent == 7 && stat.state == 'S');
    CHECK_TEXT(stat.name, "a) b (c)");
    CHECK(stat.cpu_ms == 0 && stat.started_ms == 0);
    CHECK(proc_parse_stat("1 (x) R 7 1 1 0 -1 4194560 1 2 3 4 150 50 9 9 20 0 1 0 777 0", &stat));
    CHECK(stat.cpu_ms == 200 * 1000 / sysconf(_SC_CLK_TCK) &&
          stat.started_ms == 777 * 1000 / sysconf(_SC_CLK_TCK));
    CHECK(!proc_parse_stat("12 a S 7", &stat) && !proc_parse_stat("", &stat));
    CHECK(!proc_parse_stat(") 1 (", &stat));
    CHECK(proc_stat_of(getpid(), &stat) && stat.parent == getppid());
}

static void the_owner_of_a_port_is_found(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    char owner[128], wanted[32];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    CHECK(!proc_port_owner(ntohs(address.sin_port), owner, sizeof(owner)));
    CHECK(listen(fd, 1) == 0 && proc_port_owner(ntohs(address.sin_port), owner, sizeof(owner)));
    snprintf(wanted, sizeof(wanted), "(process %d)", (int)getpid());
    CHECK(strstr(owner, wanted) != NULL && strncmp(owner, "test-proc ", 10) == 0);
    close(fd);
}

static void programs_are_known(void)
{
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    CHECK(length > 0);
    path[length] = '\0';
    CHECK(proc_runs(getpid(), path) && !proc_runs(getpid(), "/bin/sh") && !proc_runs(getpid(), "/none"));
}

int main(void)
{
    mounts_are_parsed();
    cgroups_are_parsed();
    folders_differ_for_every_run_directory();
    sockets_are_parsed();
    stat_is_parsed();
    the_owner_of_a_port_is_found();
    programs_are_known();
    return 0;
}
