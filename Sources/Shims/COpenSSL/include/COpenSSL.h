// OpenSSL 3 as Swift sees it: headers, and functions for what the headers only offer as macros or
// variadic functions.
#pragma once
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static inline EVP_PKEY *shim_p256_key(void) { return EVP_EC_gen("P-256"); }
static inline void shim_bio_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void shim_bio_set_retry_write(BIO *bio) { BIO_set_retry_write(bio); }
static inline void shim_bio_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline int shim_ctx_set_min(SSL_CTX *ctx, int version) {
    return (int)SSL_CTX_set_min_proto_version(ctx, version);
}
static inline int shim_ctx_set_max(SSL_CTX *ctx, int version) {
    return (int)SSL_CTX_set_max_proto_version(ctx, version);
}
static inline int shim_ctx_set_groups(SSL_CTX *ctx, const char *names) {
    return (int)SSL_CTX_set1_groups_list(ctx, names);
}
static inline void shim_ctx_cache_off(SSL_CTX *ctx) {
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
}
/// Sessions of a client are handed to the callback, and kept by nobody else.
static inline void shim_ctx_cache_client(SSL_CTX *ctx) {
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
}
static inline void shim_ctx_on_server_name(SSL_CTX *ctx, int (*callback)(SSL *, int *, void *),
                                           void *argument) {
    SSL_CTX_set_tlsext_servername_callback(ctx, callback);
    SSL_CTX_set_tlsext_servername_arg(ctx, argument);
}
static inline long shim_ctx_add_chain_certificate(SSL_CTX *ctx, X509 *certificate) {
    return SSL_CTX_add0_chain_cert(ctx, certificate);
}
// The names of parameters are string macros: Swift would make a copy of each that is gone before
// the parameter is used.
static inline int shim_hmac_init(EVP_MAC_CTX *ctx, const char *digest, const unsigned char *key,
                                 size_t size) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_init(ctx, key, size, parameters);
}
/// For the callback of session tickets, which initialises the context itself afterwards.
static inline int shim_hmac_sha256_set_key(EVP_MAC_CTX *ctx, unsigned char *key, size_t size) {
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key, size),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(ctx, parameters);
}
/// SNI (RFC 6066 3): the name is copied.
static inline long shim_set_server_name(SSL *ssl, const char *name) {
    return SSL_set_tlsext_host_name(ssl, name);
}
static inline X509_EXTENSION *shim_subject_alternative_name(const char *value) {
    return X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, value);
}
static inline void shim_ctx_release_buffers(SSL_CTX *ctx) {
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
}
/// A public key from its numbers, big-endian; null, with the reason in the queue, for what OpenSSL
/// does not take. The reference is the caller's.
EVP_PKEY *shim_rsa_public_key(const unsigned char *modulus, size_t modulus_size,
                              const unsigned char *exponent, size_t exponent_size);
/// As above, from a group's name and an encoded point (SEC 1 2.3.3).
EVP_PKEY *shim_ec_public_key(const char *group, const unsigned char *point, size_t size);
