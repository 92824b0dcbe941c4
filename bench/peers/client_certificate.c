/* SPDX-License-Identifier: Apache-2.0 */
/* h2load cannot present a client certificate. Preloaded, this gives every context of its TLS library
 * the one that BENCH_CERTIFICATE and BENCH_KEY name; a run without either is ended, not sent bare. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_method_st SSL_METHOD;
extern int SSL_CTX_use_certificate_chain_file(SSL_CTX *, const char *);
extern int SSL_CTX_use_PrivateKey_file(SSL_CTX *, const char *, int);
enum { PEM = 1 };

SSL_CTX *SSL_CTX_new(const SSL_METHOD *method) {
    SSL_CTX *(*next)(const SSL_METHOD *);
    *(void **)&next = dlsym(RTLD_NEXT, "SSL_CTX_new");
    SSL_CTX *context = next(method);
    const char *certificate = getenv("BENCH_CERTIFICATE"), *key = getenv("BENCH_KEY");
    if (!context || !certificate || !key ||
        SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, PEM) != 1) {
        fputs("no client certificate\n", stderr);
        exit(1);
    }
    return context;
}
