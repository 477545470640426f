// zlib as Swift sees it: headers, and functions for what the headers only offer as macros.
#pragma once
#include <zlib.h>

/// Raw deflate (RFC 1951): no zlib or gzip header, no checksum.
static inline int czlib_deflate_init_raw(
    z_stream *stream, int level, int window_bits, int memory_level) {
    return deflateInit2(
        stream, level, Z_DEFLATED, -window_bits, memory_level, Z_DEFAULT_STRATEGY);
}

static inline int czlib_inflate_init_raw(z_stream *stream, int window_bits) {
    return inflateInit2(stream, -window_bits);
}
