#include "COpenSSL.h"

#include <malloc.h>
#include <openssl/param_build.h>
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

// Keys are made of parameters, whose names are macros and whose lists Swift cannot build.
static EVP_PKEY *public_key(const char *type, OSSL_PARAM *parameters) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1) {
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, parameters);
    }
    EVP_PKEY_CTX_free(ctx);
    return key;
}

EVP_PKEY *shim_rsa_public_key(const unsigned char *modulus, size_t modulus_size,
                              const unsigned char *exponent, size_t exponent_size) {
    EVP_PKEY *key = NULL;
    OSSL_PARAM *parameters = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn(modulus, (int)modulus_size, NULL);
    BIGNUM *e = BN_bin2bn(exponent, (int)exponent_size, NULL);
    if (builder != NULL && n != NULL && e != NULL &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1 &&
        (parameters = OSSL_PARAM_BLD_to_param(builder)) != NULL) {
        key = public_key("RSA", parameters);
    }
    OSSL_PARAM_free(parameters);
    BN_free(e);
    BN_free(n);
    OSSL_PARAM_BLD_free(builder);
    return key;
}

EVP_PKEY *shim_ec_public_key(const char *group, const unsigned char *point, size_t size) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (unsigned char *)point, size),
        OSSL_PARAM_construct_end(),
    };
    return public_key("EC", parameters);
}
