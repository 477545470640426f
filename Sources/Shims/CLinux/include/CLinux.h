// Linux system calls that Swift does not see through Glibc: macros, variadic calls and GNU
// extensions.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/// accept4(2) with SOCK_NONBLOCK and SOCK_CLOEXEC.
int shim_accept(int listener, struct sockaddr *address, socklen_t *size);
/// socket(2) of type SOCK_STREAM with SOCK_NONBLOCK and SOCK_CLOEXEC.
int shim_stream_socket(int family);
/// bind(2), connect(2), getsockname(2): without the transparent unions of the headers.
int shim_bind(int number, const struct sockaddr *address, socklen_t size);
int shim_connect(int number, const struct sockaddr *address, socklen_t size);
int shim_getsockname(int number, struct sockaddr *address, socklen_t *size);
/// SIOCOUTQ (tcp(7)): octets that the other side has not acknowledged; -1 when it cannot be told.
int shim_unacknowledged(int number);
/// SIOCOUTQNSD: octets that were not sent yet; -1 when it cannot be told.
int shim_unsent(int number);
/// SIOCINQ (tcp(7)): octets that were received and not read yet, without the FIN behind them; -1
/// when it cannot be told.
int shim_unread(int number);
/// TCP_INFO (tcp(7)): octets that the other side has acknowledged so far; -1 when that is unknown.
int64_t shim_acknowledged(int number);
/// How many cores this process may run on, from sched_getaffinity(2); 0 when it cannot be told.
int shim_core_count(void);
/// Sets the soft limit of open files to the hard one and answers it.
long shim_raise_file_limit(void);
/// mallopt(3): blocks from `large` octets on are mapped, and freed memory from `kept` on goes back.
void shim_return_freed_memory(int large, int kept);
/// open(2) for appending, made with mode 0640 when it is not there.
int shim_open_append(const char *path, int follows_links);
/// pthread_setname_np(3) for the calling thread.
void shim_name_thread(const char *name);
/// SIGPIPE and SIGXFSZ to SIG_IGN.
void shim_ignore_write_signals(void);
/// The words for an errno, cut to `size` with a NUL: 0 when `text` was filled. For any thread.
int shim_error_text(int code, char *text, size_t size);
