#define _GNU_SOURCE
#include "CLinux.h"

#include <malloc.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

int shim_accept(int listener, struct sockaddr *address, socklen_t *size) {
    return accept4(listener, address, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int shim_stream_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int shim_bind(int number, const struct sockaddr *address, socklen_t size) {
    return bind(number, address, size);
}

int shim_connect(int number, const struct sockaddr *address, socklen_t size) {
    return connect(number, address, size);
}

int shim_getsockname(int number, struct sockaddr *address, socklen_t *size) {
    return getsockname(number, address, size);
}

int shim_unacknowledged(int number) {
    int count = 0;
    return ioctl(number, SIOCOUTQ, &count) == 0 ? count : -1;
}

int shim_unsent(int number) {
    int count = 0;
    return ioctl(number, SIOCOUTQNSD, &count) == 0 ? count : -1;
}

int shim_unread(int number) {
    int count = 0;
    return ioctl(number, SIOCINQ, &count) == 0 ? count : -1;
}

int64_t shim_acknowledged(int number) {
    // The headers of the C library end before this field.
    struct tcp_info info;
    socklen_t size = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(number, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return -1;
    // The kernel fills in as much as it knows.
    if (size < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof info.tcpi_bytes_acked)
        return -1;
    return (int64_t)info.tcpi_bytes_acked;
}

int shim_core_count(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;
}

long shim_raise_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -1;
    return (long)limit.rlim_cur;
}

void shim_return_freed_memory(int large, int kept) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, large);
    mallopt(M_TRIM_THRESHOLD, kept);
#else
    (void)large;
    (void)kept;
#endif
}

int shim_open_append(const char *path, int follows_links) {
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | (follows_links ? 0 : O_NOFOLLOW);
    return open(path, flags, 0640);
}

void shim_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

void shim_ignore_write_signals(void) {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

int shim_error_text(int code, char *text, size_t size) {
    // GNU's strerror_r, which may answer a text of its own instead of filling the buffer.
    char buffer[128];
    return snprintf(text, size, "%s", strerror_r(code, buffer, sizeof buffer)) > 0 ? 0 : -1;
}
