/* The system calls of a worker and of the listener: tables, turned into seccomp programs. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rdp-front/sandbox.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the worker's filter knows neither x86-64 nor AArch64 here"
#endif

#define RULES_MAX   192
#define PROGRAM_MAX (16 + 6 * RULES_MAX)

/* What becomes of a call: allowed, failed with an errno, or allowed where one argument is right. */
enum kind { ALLOW, FAIL, WHERE_EQUAL, WHERE_BITS };

struct rule {
    int number;
    enum kind kind;
    unsigned argument;
    unsigned value; /* FAIL: the errno; WHERE_EQUAL: the value; WHERE_BITS: bits that must all be set */
};

/* What both do. */
static const struct rule common_rules[] = {
    {SYS_read, ALLOW, 0, 0},
    {SYS_write, ALLOW, 0, 0},
    {SYS_recvmsg, ALLOW, 0, 0},
    {SYS_sendmsg, ALLOW, 0, 0},
    {SYS_recvfrom, ALLOW, 0, 0},
    {SYS_sendto, ALLOW, 0, 0},
    {SYS_epoll_pwait, ALLOW, 0, 0},
    {SYS_epoll_ctl, ALLOW, 0, 0},
    {SYS_epoll_create1, ALLOW, 0, 0},
    {SYS_ppoll, ALLOW, 0, 0},
    {SYS_futex, ALLOW, 0, 0},
    {SYS_close, ALLOW, 0, 0},
    {SYS_shutdown, ALLOW, 0, 0},
    {SYS_fstat, ALLOW, 0, 0},
    {SYS_eventfd2, ALLOW, 0, 0},
    {SYS_pipe2, ALLOW, 0, 0},
    {SYS_getsockopt, ALLOW, 0, 0},
    {SYS_setsockopt, ALLOW, 0, 0},
    {SYS_getsockname, ALLOW, 0, 0},
    {SYS_brk, ALLOW, 0, 0},
    {SYS_mmap, ALLOW, 0, 0},
    {SYS_munmap, ALLOW, 0, 0},
    {SYS_mremap, ALLOW, 0, 0},
    {SYS_madvise, ALLOW, 0, 0},
    {SYS_mprotect, ALLOW, 0, 0},
    {SYS_getrandom, ALLOW, 0, 0},
    {SYS_clock_gettime, ALLOW, 0, 0},
    {SYS_gettimeofday, ALLOW, 0, 0},
    {SYS_restart_syscall, ALLOW, 0, 0},
    {SYS_rt_sigreturn, ALLOW, 0, 0},
    {SYS_rt_sigaction, ALLOW, 0, 0},
    {SYS_rt_sigprocmask, ALLOW, 0, 0},
    {SYS_sigaltstack, ALLOW, 0, 0},
    {SYS_exit, ALLOW, 0, 0},
    {SYS_exit_group, ALLOW, 0, 0},
    {SYS_getpid, ALLOW, 0, 0},
    {SYS_gettid, ALLOW, 0, 0},
    {SYS_getuid, ALLOW, 0, 0},
    {SYS_geteuid, ALLOW, 0, 0},
    {SYS_getgid, ALLOW, 0, 0},
    {SYS_getegid, ALLOW, 0, 0},
#ifdef SYS_epoll_wait
    {SYS_epoll_wait, ALLOW, 0, 0},
#endif
#ifdef SYS_poll
    {SYS_poll, ALLOW, 0, 0},
#endif
};

static const struct rule worker_rules[] = {
    {SYS_readv, ALLOW, 0, 0},
    {SYS_writev, ALLOW, 0, 0},
    {SYS_pselect6, ALLOW, 0, 0},
    {SYS_lseek, ALLOW, 0, 0},
    {SYS_timerfd_create, ALLOW, 0, 0},
    {SYS_timerfd_settime, ALLOW, 0, 0},
    {SYS_timerfd_gettime, ALLOW, 0, 0},
    {SYS_getpeername, ALLOW, 0, 0},
    {SYS_clock_getres, ALLOW, 0, 0},
    {SYS_clock_nanosleep, ALLOW, 0, 0},
    {SYS_nanosleep, ALLOW, 0, 0},
    {SYS_setitimer, ALLOW, 0, 0},
    {SYS_uname, ALLOW, 0, 0},
    {SYS_sysinfo, ALLOW, 0, 0},
    {SYS_sched_yield, ALLOW, 0, 0},
    {SYS_sched_getaffinity, ALLOW, 0, 0},
    {SYS_sched_getparam, ALLOW, 0, 0},
    {SYS_sched_getscheduler, ALLOW, 0, 0},
    {SYS_sched_get_priority_max, ALLOW, 0, 0},
    {SYS_sched_get_priority_min, ALLOW, 0, 0},
    {SYS_set_robust_list, ALLOW, 0, 0},
    {SYS_rseq, ALLOW, 0, 0},
    {SYS_set_tid_address, ALLOW, 0, 0},
#ifdef SYS_select
    {SYS_select, ALLOW, 0, 0},
#endif
#ifdef SYS_time
    {SYS_time, ALLOW, 0, 0},
#endif
#ifdef SYS_alarm
    {SYS_alarm, ALLOW, 0, 0},
#endif
    /* threads, never processes; clone3 hides its flags, so the C library must take clone */
    {SYS_clone, WHERE_BITS, 0, CLONE_THREAD | CLONE_VM},
    {SYS_clone3, FAIL, 0, ENOSYS},
    /* its own limits alone: sandbox_trust */
    {SYS_prlimit64, WHERE_EQUAL, 0, 0},
    /* fstat in the C library's clothes; there is nothing else to look at in an empty root */
    {SYS_newfstatat, WHERE_BITS, 3, AT_EMPTY_PATH},
    {SYS_newfstatat, FAIL, 0, ENOENT},
    {SYS_fcntl, WHERE_EQUAL, 1, F_GETFL},
    {SYS_fcntl, WHERE_EQUAL, 1, F_SETFL},
    {SYS_fcntl, WHERE_EQUAL, 1, F_GETFD},
    {SYS_fcntl, WHERE_EQUAL, 1, F_SETFD},
    {SYS_fcntl, WHERE_EQUAL, 1, F_GET_SEALS},
    {SYS_fcntl, FAIL, 0, EINVAL},
    {SYS_openat, FAIL, 0, ENOENT},
    {SYS_statx, FAIL, 0, ENOENT},
    {SYS_faccessat, FAIL, 0, ENOENT},
    {SYS_readlinkat, FAIL, 0, ENOENT},
    {SYS_getcwd, FAIL, 0, ENOENT},
    {SYS_socket, FAIL, 0, EACCES},
    {SYS_socketpair, FAIL, 0, EACCES},
    {SYS_connect, FAIL, 0, EACCES},
    {SYS_ioctl, FAIL, 0, ENOTTY},
    {SYS_prctl, FAIL, 0, EPERM},
    {SYS_membarrier, FAIL, 0, ENOSYS},
    {SYS_sched_setaffinity, FAIL, 0, EPERM},
    {SYS_sched_setscheduler, FAIL, 0, EPERM},
    {SYS_sched_setparam, FAIL, 0, EPERM},
    {SYS_setpriority, FAIL, 0, EPERM},
#ifdef SYS_open
    {SYS_open, FAIL, 0, ENOENT},
    {SYS_stat, FAIL, 0, ENOENT},
    {SYS_lstat, FAIL, 0, ENOENT},
    {SYS_access, FAIL, 0, ENOENT},
    {SYS_readlink, FAIL, 0, ENOENT},
#endif
#ifdef SYS_faccessat2
    {SYS_faccessat2, FAIL, 0, ENOENT},
#endif
};

/* It accepts, connects to ports, and passes descriptors on. */
static const struct rule listener_rules[] = {
    {SYS_accept4, ALLOW, 0, 0},
    {SYS_socketpair, WHERE_EQUAL, 0, AF_UNIX},
    {SYS_socket, WHERE_EQUAL, 0, AF_UNIX},
    {SYS_connect, ALLOW, 0, 0},
    {SYS_fcntl, ALLOW, 0, 0},
    {SYS_newfstatat, WHERE_BITS, 3, AT_EMPTY_PATH},
    {SYS_openat, FAIL, 0, ENOENT},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
_Static_assert(COUNT(common_rules) + COUNT(worker_rules) <= RULES_MAX &&
                   COUNT(common_rules) + COUNT(listener_rules) <= RULES_MAX,
               "a table of rules has outgrown its bound");

struct program {
    struct sock_filter code[PROGRAM_MAX];
    unsigned short used;
};

static void put(struct program *program, unsigned short code, unsigned value, unsigned char yes,
                unsigned char no)
{
    program->code[program->used++] = (struct sock_filter){code, yes, no, value};
}

static void put_load(struct program *program, unsigned offset)
{
    put(program, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void put_return(struct program *program, unsigned action)
{
    put(program, BPF_RET | BPF_K, action, 0, 0);
}

/* The number is loaded before each rule, and again after one that has loaded an argument. */
static void put_rule(struct program *program, const struct rule *rule)
{
    unsigned number = (unsigned)rule->number;
    unsigned argument = (unsigned)offsetof(struct seccomp_data, args) + 8 * rule->argument;
    if (rule->kind == ALLOW || rule->kind == FAIL) {
        put(program, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
        put_return(program, rule->kind == ALLOW ? SECCOMP_RET_ALLOW
                                                : SECCOMP_RET_ERRNO | (rule->value & SECCOMP_RET_DATA));
        return;
    }
    bool bits = rule->kind == WHERE_BITS;
    put(program, BPF_JMP | BPF_JEQ | BPF_K, number, 0, bits ? 5 : 4);
    put_load(program, argument);
    if (bits)
        put(program, BPF_ALU | BPF_AND | BPF_K, rule->value, 0, 0);
    put(program, BPF_JMP | BPF_JEQ | BPF_K, rule->value, 0, 1);
    put_return(program, SECCOMP_RET_ALLOW);
    put_load(program, offsetof(struct seccomp_data, nr));
}

/* Sets what both do and the table as this process's filter; `otherwise` becomes of what is in neither. */
static int filter_set(const struct rule *rules, size_t count, unsigned otherwise)
{
    struct program program = {.used = 0};
    put_load(&program, offsetof(struct seccomp_data, arch));
    put(&program, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    put_return(&program, SECCOMP_RET_KILL_PROCESS);
    put_load(&program, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < COUNT(common_rules); i++)
        put_rule(&program, &common_rules[i]);
    for (size_t i = 0; i < count; i++)
        put_rule(&program, &rules[i]);
    put_return(&program, otherwise);
    struct sock_fprog filter = {.len = program.used, .filter = program.code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        return -errno;
    return 0;
}

int sandbox_filter(void)
{
    return filter_set(worker_rules, COUNT(worker_rules), SECCOMP_RET_KILL_PROCESS);
}

int sandbox_filter_listener(void)
{
    return filter_set(listener_rules, COUNT(listener_rules), SECCOMP_RET_ERRNO | EPERM);
}
