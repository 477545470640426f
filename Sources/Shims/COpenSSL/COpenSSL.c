#include "COpenSSL.h"

#include <malloc.h>
#include <stdlib.h>

// OpenSSL allocates and frees a buffer for every record it reads or writes. Here a few freed ones a
// thread are kept for the next record, so that an idle connection holds none and a busy one does
// not go to malloc three times a message.
//
// A buffer for one TLS record (RFC 8446 5.2: 2^14 + 256 octets, and OpenSSL's own overhead). All of
// them are made of one size, so that any of them serves for any other.
enum { RECORD_MIN = 16384, RECORD_SIZE = 18432, KEPT = 8 };

static __thread void *kept[KEPT];
static __thread int kept_count;

static void *record_malloc(size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    if (size < RECORD_MIN || size > RECORD_SIZE) return malloc(size);
    return kept_count > 0 ? kept[--kept_count] : malloc(RECORD_SIZE);
}

static void *record_realloc(void *block, size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    return realloc(block, size);
}

static void record_free(void *block, const char *file, int line) {
    (void)file;
    (void)line;
    if (block == NULL) return;
    // The allocator's own word for how large the block is: whoever asked for it.
    size_t usable = malloc_usable_size(block);
    if (usable >= RECORD_SIZE && usable < RECORD_SIZE + 64 && kept_count < KEPT) {
        kept[kept_count++] = block;
    } else {
        free(block);
    }
}

// Before main: OpenSSL takes other functions only as long as it has allocated nothing.
__attribute__((constructor)) static void keep_record_buffers(void) {
    CRYPTO_set_mem_functions(record_malloc, record_realloc, record_free);
}
