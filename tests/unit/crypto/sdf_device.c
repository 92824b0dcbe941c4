/* SPDX-License-Identifier: Apache-2.0 */
/* A cryptographic device in software, for tests: the calls of GM/T 0018-2012 that we make, with
 * OpenSSL doing the arithmetic. It holds one key, at index 1, under the access code "12345678".
 * The environment variable SDF_DEVICE makes it misbehave. Build with -lcrypto; -DWIDTH=32 gives the
 * narrow structures of some makers. */

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef WIDTH
#define WIDTH 64
#endif

#define SDR_OK 0x0
#define SDR_KEYNOTEXIST 0x01000008
#define SDR_PARDENY 0x01000007
#define SDR_HARDFAIL 0x01000004
#define SDR_PRKRERR 0x01000014

typedef struct { unsigned int bits; unsigned char x[WIDTH]; unsigned char y[WIDTH]; } ECCrefPublicKey;
typedef struct { unsigned char r[WIDTH]; unsigned char s[WIDTH]; } ECCSignature;

static int device, session, access_right, signatures;

static const char *SECRET = "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8";

static int does(const char *what) {
    const char *mode = getenv("SDF_DEVICE");
    return mode != NULL && strcmp(mode, what) == 0;
}

static void put(const BIGNUM *number, unsigned char *field) { BN_bn2binpad(number, field, WIDTH); }

/* The point k * G, affine. */
static void multiply(const BIGNUM *k, BIGNUM *x, BIGNUM *y, BIGNUM *order, BN_CTX *work) {
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_sm2);
    EC_POINT *point = EC_POINT_new(group);
    EC_POINT_mul(group, point, k, NULL, NULL, work);
    EC_POINT_get_affine_coordinates(group, point, x, y, work);
    EC_GROUP_get_order(group, order, work);
    EC_POINT_free(point);
    EC_GROUP_free(group);
}

int SDF_OpenDevice(void **handle) {
    if (does("absent")) return SDR_HARDFAIL;
    *handle = &device;
    device++;
    return SDR_OK;
}

int SDF_CloseDevice(void *handle) { return handle == &device && device-- > 0 ? SDR_OK : SDR_HARDFAIL; }

int SDF_OpenSession(void *handle, void **opened) {
    if (handle != &device || does("busy")) return SDR_HARDFAIL;
    *opened = &session;
    session++;
    return SDR_OK;
}

int SDF_CloseSession(void *handle) {
    return handle == &session && session-- > 0 ? SDR_OK : SDR_HARDFAIL;
}

int SDF_GetPrivateKeyAccessRight(void *handle, unsigned int index, char *pin, unsigned int length) {
    if (handle != &session || index != 1) return SDR_KEYNOTEXIST;
    if (length != 8 || memcmp(pin, "12345678", 8) != 0) return SDR_PARDENY;
    access_right++;
    return SDR_OK;
}

int SDF_ReleasePrivateKeyAccessRight(void *handle, unsigned int index) {
    return handle == &session && index == 1 && access_right-- > 0 ? SDR_OK : SDR_HARDFAIL;
}

int SDF_ExportSignPublicKey_ECC(void *handle, unsigned int index, ECCrefPublicKey *key) {
    if (handle != &session || index != 1) return SDR_KEYNOTEXIST;
    BN_CTX *work = BN_CTX_new();
    BIGNUM *d = NULL, *x = BN_new(), *y = BN_new(), *n = BN_new();
    BN_hex2bn(&d, SECRET);
    if (does("other key")) BN_add_word(d, 1);
    multiply(d, x, y, n, work);
    key->bits = does("other curve") ? 384 : 256;
    put(x, key->x);
    put(y, key->y);
    if (does("off the curve")) key->y[WIDTH - 1] ^= 1;
    BN_free(d); BN_free(x); BN_free(y); BN_free(n); BN_CTX_free(work);
    return SDR_OK;
}

/* GB/T 32918.2-2016, 6.1; the digest comes from outside, as the interface wants it. */
int SDF_InternalSign_ECC(void *handle, unsigned int index, const unsigned char *data,
                         unsigned int length, ECCSignature *signature) {
    if (handle != &session || index != 1) return SDR_KEYNOTEXIST;
    if (access_right <= 0) return SDR_PRKRERR;
    if (length != 32) return SDR_HARDFAIL;
    signatures++;
    if (does("fails") || (does("fails later") && signatures > 3)) return SDR_HARDFAIL;
    if (does("slow")) usleep(200000);
    BN_CTX *work = BN_CTX_new();
    BIGNUM *d = NULL, *k = BN_new(), *x = BN_new(), *y = BN_new(), *n = BN_new();
    BIGNUM *e = BN_bin2bn(data, 32, NULL), *r = BN_new(), *s = BN_new(), *t = BN_new();
    BN_hex2bn(&d, SECRET);
    multiply(BN_value_one(), x, y, n, work);
    do {
        BN_rand_range(k, n);
        multiply(k, x, y, n, work);
        BN_mod_add(r, e, x, n, work);
        BN_mod_mul(t, r, d, n, work);
        BN_mod_sub(s, k, t, n, work);
        BN_copy(t, d);
        BN_add_word(t, 1);
        BN_mod_inverse(t, t, n, work);
        BN_mod_mul(s, s, t, n, work);
    } while (BN_is_zero(r) || BN_is_zero(s));
    if (does("wrong")) BN_add_word(s, 1);
    if (does("zero")) BN_zero(s);
    put(r, signature->r);
    put(s, signature->s);
    BN_free(d); BN_free(k); BN_free(x); BN_free(y); BN_free(n); BN_free(e); BN_free(r); BN_free(s);
    BN_free(t); BN_CTX_free(work);
    return SDR_OK;
}

/* For tests alone: what is open now. */
int sdf_device_open(void) { return device + 16 * session + 256 * access_right; }
