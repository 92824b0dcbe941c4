# SPDX-License-Identifier: Apache-2.0
"""SM2 by the system's libcrypto, through ctypes.

Signing and verifying run without the interpreter lock, and the distribution patches the library.

Source:
    EVP_SIGNATURE-SM2(7), EVP_DigestSignInit(3), EVP_PKEY_CTX_set1_id(3) of OpenSSL 3.0.
"""

import ctypes
import functools
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from ctypes import POINTER, c_char_p, c_int, c_long, c_size_t, c_void_p
from typing import Any, Final

from govshare_policy.crypto._pkcs8 import private_key_info
from govshare_policy.crypto._public import PublicKey
from govshare_policy.crypto._signature import Signature, format_signature, parse_signature
from govshare_policy.errors import ConfigError, SignatureError

SONAMES: Final = ("libcrypto.so.3", "libcrypto.so.4")

# These take long enough to let other threads run. All other calls keep the interpreter lock: to
# get it back from a busy thread takes a thousand times as long as they do.
_UNLOCKED: Final = frozenset({"EVP_DigestSign", "EVP_DigestVerify"})

_MAX_SIGNATURE: Final = 72
_MAX_SPKI: Final = 256
_CACHED_KEYS: Final = 64

# Every function we call, with its result and its arguments.
_FUNCTIONS: Final[dict[str, tuple[Any, list[Any]]]] = {
    "OPENSSL_cleanse": (None, [c_void_p, c_size_t]),
    "ERR_clear_error": (None, []),
    "EVP_sm3": (c_void_p, []),
    "d2i_PUBKEY": (c_void_p, [c_void_p, POINTER(c_void_p), c_long]),
    "i2d_PUBKEY": (c_int, [c_void_p, POINTER(c_void_p)]),
    "d2i_AutoPrivateKey": (c_void_p, [c_void_p, POINTER(c_void_p), c_long]),
    "EVP_PKEY_free": (None, [c_void_p]),
    "EVP_PKEY_CTX_new": (c_void_p, [c_void_p, c_void_p]),
    "EVP_PKEY_CTX_free": (None, [c_void_p]),
    "EVP_PKEY_CTX_set1_id": (c_int, [c_void_p, c_char_p, c_int]),
    "EVP_MD_CTX_new": (c_void_p, []),
    "EVP_MD_CTX_free": (None, [c_void_p]),
    "EVP_MD_CTX_set_pkey_ctx": (None, [c_void_p, c_void_p]),
    "EVP_DigestSignInit": (c_int, [c_void_p, c_void_p, c_void_p, c_void_p, c_void_p]),
    "EVP_DigestSign": (c_int, [c_void_p, c_char_p, POINTER(c_size_t), c_char_p, c_size_t]),
    "EVP_DigestVerifyInit": (c_int, [c_void_p, c_void_p, c_void_p, c_void_p, c_void_p]),
    "EVP_DigestVerify": (c_int, [c_void_p, c_char_p, c_size_t, c_char_p, c_size_t]),
}


class Libcrypto:
    """One loaded libcrypto. Safe to use from any number of threads."""

    name: Final = "libcrypto"

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        # The handles are freed when the last user of one that fell out of the cache is done.
        self._public = functools.lru_cache(maxsize=_CACHED_KEYS)(self._open_public)

    def verify(
        self, public: PublicKey, message: bytes, signature: Signature, *, signer_id: bytes
    ) -> None:
        """Return only if libcrypto accepts the signature; see :class:`._provider.Verifier`."""
        der = format_signature(signature)
        with self._context(self._public(public), signer_id) as (context, digest, key):
            begun = self._library.EVP_DigestVerifyInit(context, None, digest, None, key.pointer)
            good = begun == 1 and self._library.EVP_DigestVerify(
                context, der, len(der), message, len(message)
            )
            if good != 1:
                raise SignatureError("the signature was not made by this key over these bytes")

    def load_key(self, secret: int) -> "LibcryptoKey":
        """Return the key of *secret*, which is 1..n-2."""
        info = private_key_info(secret)
        buffer = ctypes.create_string_buffer(info, len(info))
        try:
            handle = self._open("d2i_AutoPrivateKey", buffer)
        finally:
            self._library.OPENSSL_cleanse(buffer, len(info))
        return LibcryptoKey(provider=self, handle=handle, public=self.public_of(handle))

    def sign(self, key: "Handle", message: bytes, *, signer_id: bytes) -> Signature:
        """Return a signature by *key*; see :class:`._provider.PrivateKey`."""
        der = ctypes.create_string_buffer(_MAX_SIGNATURE)
        size = c_size_t(_MAX_SIGNATURE)
        with self._context(key, signer_id) as (context, digest, _):
            begun = self._library.EVP_DigestSignInit(context, None, digest, None, key.pointer)
            done = begun == 1 and self._library.EVP_DigestSign(
                context, der, ctypes.byref(size), message, len(message)
            )
            if done != 1:
                raise ConfigError("libcrypto could not sign")
        return parse_signature(der.raw[: size.value])

    def public_of(self, handle: "Handle") -> PublicKey:
        """Return the public half of a key.

        Raises:
            ConfigError: If libcrypto does not give it.
        """
        buffer = ctypes.create_string_buffer(_MAX_SPKI)
        needed = self._library.i2d_PUBKEY(handle.pointer, None)
        if not 0 < needed <= _MAX_SPKI:
            raise ConfigError("libcrypto does not give the public half of an SM2 key")
        cursor = ctypes.cast(buffer, c_void_p)
        self._library.i2d_PUBKEY(handle.pointer, ctypes.byref(cursor))
        return PublicKey.from_spki(buffer.raw[:needed])

    @contextmanager
    def _context(
        self, key: "Handle", signer_id: bytes
    ) -> Iterator[tuple[c_void_p, c_void_p, "Handle"]]:
        """Lend a digest context for *key* as *signer_id*, with the SM3 to start it with."""
        library = self._library
        key_context = library.EVP_PKEY_CTX_new(key.pointer, None)
        context = library.EVP_MD_CTX_new()
        try:
            if not (
                context
                and key_context
                # Always passed: without it OpenSSL 3 signs for the empty id, and OpenSSL 4 for
                # another one.
                and library.EVP_PKEY_CTX_set1_id(key_context, signer_id, len(signer_id)) == 1
            ):
                raise ConfigError("libcrypto could not prepare an SM2 signature")
            library.EVP_MD_CTX_set_pkey_ctx(context, key_context)
            yield context, library.EVP_sm3(), key
        finally:
            # The digest context does not own the key context that was set on it. Both take NULL.
            library.EVP_MD_CTX_free(context)
            library.EVP_PKEY_CTX_free(key_context)
            library.ERR_clear_error()

    def _open_public(self, public: PublicKey) -> "Handle":
        der = public.to_spki()
        return self._open("d2i_PUBKEY", ctypes.create_string_buffer(der, len(der)))

    def _open(self, decoder: str, buffer: ctypes.Array[ctypes.c_char]) -> "Handle":
        """Return the key that the named function decodes from *buffer*."""
        cursor = ctypes.cast(buffer, c_void_p)
        pointer = getattr(self._library, decoder)(None, ctypes.byref(cursor), len(buffer))
        self._library.ERR_clear_error()
        if not pointer:
            raise ConfigError("libcrypto does not take SM2 keys")
        return Handle(pointer, free=self._library.EVP_PKEY_free)


class Handle:
    """Owns one ``EVP_PKEY``, and frees it when nothing refers to this object any more."""

    def __init__(self, pointer: int | None, *, free: Any) -> None:  # noqa: ANN401 - ctypes' own
        self.pointer = pointer
        # Not at exit: another thread may still be inside libcrypto then.
        weakref.finalize(self, free, pointer).atexit = False


class LibcryptoKey:
    """A private key inside libcrypto."""

    def __init__(self, *, provider: Libcrypto, handle: Handle, public: PublicKey) -> None:
        self._provider = provider
        self._handle = handle
        self._public = public

    @property
    def public(self) -> PublicKey:
        """The key that checks its signatures."""
        return self._public

    def sign(self, message: bytes, *, signer_id: bytes) -> Signature:
        """Return a signature that nobody has checked yet."""
        return self._provider.sign(self._handle, message, signer_id=signer_id)


def open_libcrypto(sonames: Sequence[str] = SONAMES) -> Libcrypto:
    """Load the first library of *sonames* that is there.

    Raises:
        ConfigError: If there is none, or it lacks a function that we call. Whether it was built
            with SM2 shows only when it is used.
    """
    locked, unlocked = load_first(sonames)
    declare(locked, _FUNCTIONS)
    declare(unlocked, {name: _FUNCTIONS[name] for name in _UNLOCKED})
    for name in _UNLOCKED:
        setattr(locked, name, getattr(unlocked, name))
    return Libcrypto(locked)


def declare(library: ctypes.CDLL, functions: Mapping[str, tuple[Any, list[Any]]]) -> None:
    """Tell ctypes the result and the arguments of each of *functions*.

    Raises:
        ConfigError: If the library lacks one.
    """
    for name, (result, arguments) in functions.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise ConfigError(f"the system's libcrypto has no `{name}`") from None
        function.restype, function.argtypes = result, arguments


def load_first(sonames: Sequence[str]) -> tuple[ctypes.PyDLL, ctypes.CDLL]:
    """Return the library twice: calls of the first keep the interpreter lock.

    Raises:
        ConfigError: If no library of *sonames* is there.
    """
    for soname in sonames:
        try:
            return ctypes.PyDLL(soname), ctypes.CDLL(soname)
        except OSError:
            continue
    raise ConfigError("the system has no libcrypto 3")
