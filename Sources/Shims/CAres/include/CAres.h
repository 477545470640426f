#pragma once

// Newer versions mark what older ones have no other way for.
#define CARES_NO_DEPRECATED

#include <ares.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/time.h>

// Macros as constants, whatever they are made of.
static const int CARES_OK = ARES_SUCCESS;
static const int CARES_NO_DATA = ARES_ENODATA;
static const int CARES_NO_NAME = ARES_ENOTFOUND;
static const int CARES_ALL = ARES_LIB_INIT_ALL;
static const ares_socket_t CARES_NO_SOCKET = ARES_SOCKET_BAD;

/// ares_init_options(3): a channel that says by `state` what its sockets wait for. `alone` leaves
/// out the search domains of /etc/resolv.conf.
static inline int cares_open(
    ares_channel *channel, int timeout, int tries, int alone, ares_sock_state_cb state,
    void *data) {
    struct ares_options options;
    memset(&options, 0, sizeof options);
    options.timeout = timeout;
    options.tries = tries;
    options.sock_state_cb = state;
    options.sock_state_cb_data = data;
    int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
    if (alone) mask |= ARES_OPT_DOMAINS;
    return ares_init_options(channel, &options, mask);
}

/// ares_timeout(3), in milliseconds, rounded up; -1 when nothing is waited for.
static inline int cares_timeout(ares_channel channel) {
    struct timeval time;
    if (!ares_timeout(channel, NULL, &time)) return -1;
    return (int)(time.tv_sec * 1000 + (time.tv_usec + 999) / 1000);
}

/// ares_getaddrinfo(3) of one family, in no order.
static inline void cares_addresses(
    ares_channel channel, const char *name, int family, ares_addrinfo_callback callback,
    void *argument) {
    struct ares_addrinfo_hints hints;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = family;
    hints.ai_flags = ARES_AI_NOSORT;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(channel, name, NULL, &hints, callback, argument);
}

/// The address of a node as text, in `text` of INET6_ADDRSTRLEN octets; 0 for another family.
static inline int cares_text(const struct ares_addrinfo_node *node, char *text) {
    const void *address;
    const struct sockaddr *socket = node->ai_addr;
    if (node->ai_family == AF_INET) address = &((const struct sockaddr_in *)socket)->sin_addr;
    else if (node->ai_family == AF_INET6)
        address = &((const struct sockaddr_in6 *)socket)->sin6_addr;
    else return 0;
    return ares_inet_ntop(node->ai_family, address, text, INET6_ADDRSTRLEN) != NULL;
}

/// ares_search(3) for the service records of a name.
static inline void cares_services(
    ares_channel channel, const char *name, ares_callback callback, void *argument) {
    ares_search(channel, name, ns_c_in, ns_t_srv, callback, argument);
}

/// The least time to live of the answers in a reply (RFC 1035 §4.1), in seconds; -1 when the reply
/// cannot be read. ares_parse_srv_reply(3) leaves it out.
static inline long cares_least_ttl(const unsigned char *reply, int size) {
    if (size < HFIXEDSZ) return -1;
    int questions = reply[4] << 8 | reply[5], answers = reply[6] << 8 | reply[7];
    const unsigned char *place = reply + HFIXEDSZ, *end = reply + size;
    long least = -1;
    for (int index = 0; index < questions + answers; index++) {
        char *name;
        long length;
        if (ares_expand_name(place, reply, size, &name, &length) != ARES_SUCCESS) return -1;
        ares_free_string(name);
        place += length;
        if (index < questions) {
            if (end - place < QFIXEDSZ) return -1;
            place += QFIXEDSZ;
            continue;
        }
        if (end - place < RRFIXEDSZ) return -1;
        unsigned long ttl =
            (unsigned long)place[4] << 24 | place[5] << 16 | place[6] << 8 | place[7];
        int data = place[8] << 8 | place[9];
        // The highest bit set means 0 (RFC 2181 §8).
        if (ttl > 0x7FFFFFFF) ttl = 0;
        if (least < 0 || (long)ttl < least) least = (long)ttl;
        place += RRFIXEDSZ;
        if (end - place < data) return -1;
        place += data;
    }
    return least;
}
