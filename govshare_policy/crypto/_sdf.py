# SPDX-License-Identifier: Apache-2.0
"""SM2 signatures by a cryptographic device, through the C interface that all of them share.

The private key never leaves the device. The digest is ours, the key's public half is read out
once, and every signature is checked on this host before anybody sees it, so that a device that
fails or lies stops the signer instead of reaching a record.

Source:
    GM/T 0018-2012 §6.2 (devices and sessions), §6.3 (keys), §6.4 (signatures), Appendix A (codes).
"""

import ctypes
import os
import threading
import weakref
from ctypes import POINTER, c_char_p, c_ubyte, c_uint, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qsl

from govshare_policy.crypto._choice import chosen_verifier
from govshare_policy.crypto._curve import FIELD_BYTES
from govshare_policy.crypto._digest import message_number
from govshare_policy.crypto._front import CheckedSigner
from govshare_policy.crypto._public import PublicKey
from govshare_policy.crypto._signature import Signature
from govshare_policy.errors import ConfigError

SCHEME: Final = "sdf:"
# ECCref_MAX_LEN of the standard; some makers' libraries keep to the 32 bytes of the curve.
WIDTHS: Final = (64, 32)
MAX_KEY_INDEX: Final = 0xFFFF
_CURVE_BITS: Final = 256
_OK: Final = 0
_Handle = c_void_p

# Every function we call, with its arguments; all of them return a code.
_FUNCTIONS: Final[dict[str, list[Any]]] = {
    "SDF_OpenDevice": [POINTER(_Handle)],
    "SDF_CloseDevice": [_Handle],
    "SDF_OpenSession": [_Handle, POINTER(_Handle)],
    "SDF_CloseSession": [_Handle],
    "SDF_GetPrivateKeyAccessRight": [_Handle, c_uint, c_char_p, c_uint],
    "SDF_ReleasePrivateKeyAccessRight": [_Handle, c_uint],
    "SDF_ExportSignPublicKey_ECC": [_Handle, c_uint, c_void_p],
    "SDF_InternalSign_ECC": [_Handle, c_uint, c_char_p, c_uint, c_void_p],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SdfUri:
    """Which key of which device.

    Attributes:
        library: The maker's shared library; an absolute path.
        key: Index of the signing key in the device; 1 to 65535.
        width: Bytes of a coordinate in the library's structures; 64 or 32.
    """

    library: Path
    key: int
    width: int

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Return what *uri* (``sdf:/path/to/library.so?key=1``, perhaps ``&width=32``) names.

        Raises:
            ConfigError: If it is anything else.
        """
        path, _, query = uri.removeprefix(SCHEME).partition("?")
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
        except ValueError:
            pairs = []
        named = dict(pairs)
        shape = len(pairs) == len(named) and "key" in named and named.keys() <= {"key", "width"}
        if not shape or not path.startswith("/"):
            raise ConfigError(
                "a key in a device is named `sdf:/LIBRARY?key=N`, perhaps with `&width=32` behind"
            )
        key, width = _number(named["key"]), _number(named.get("width", str(WIDTHS[0])))
        if not 1 <= key <= MAX_KEY_INDEX or width not in WIDTHS:
            raise ConfigError("a key index is 1 to 65535, and a width 64 or 32")
        return cls(library=Path(path), key=key, width=width)


class SdfKey:
    """One signing key inside a device. Safe to use from any number of threads, one at a time.

    A session is not kept up: after the first failed call every later one fails too.
    """

    def __init__(self, library: ctypes.CDLL, uri: SdfUri, pin: bytes) -> None:
        """Open the device, a session and the key; use :func:`open_sdf` instead."""
        self._library = library
        self._uri = uri
        self._pid = os.getpid()
        # Guarded by the lock: a session takes one call at a time.
        self._lock = threading.Lock()
        self._opened = _Opened(library)
        weakref.finalize(self, self._opened.close)
        self._failed = False
        try:
            self._session = self._opened.session(uri.key, pin)
            self._public = self._export()
        except ConfigError:
            self._opened.close()
            raise

    @property
    def public(self) -> PublicKey:
        """The key that checks its signatures."""
        return self._public

    def sign(self, message: bytes, *, signer_id: bytes) -> Signature:
        """Return a signature that nobody has checked yet.

        Raises:
            ConfigError: If the device does not sign, now or since an earlier call.
        """
        number = message_number(self._public, message, signer_id)
        digest = number.to_bytes(FIELD_BYTES)
        width = self._uri.width
        space = (c_ubyte * (2 * width))()
        with self._lock:
            if self._failed:
                raise ConfigError("the cryptographic device failed before; open the key again")
            if os.getpid() != self._pid:
                raise ConfigError("the cryptographic device was opened by the parent process")
            self._failed = True
            call = self._library.SDF_InternalSign_ECC
            check_code("sign", call(self._session, self._uri.key, digest, len(digest), space))
            self._failed = False
        data = bytes(space)
        return Signature(r=int.from_bytes(data[:width]), s=int.from_bytes(data[width:]))

    def close(self) -> None:
        """Give the key, the session and the device back."""
        with self._lock:
            self._failed = True
            self._opened.close()

    def _export(self) -> PublicKey:
        """Return the public half, from ``{ unsigned int bits; x[width]; y[width] }``."""
        width = self._uri.width
        space = (c_ubyte * (4 + 2 * width))()
        call = self._library.SDF_ExportSignPublicKey_ECC
        check_code("give out the public key", call(self._session, self._uri.key, space))
        data = bytes(space)
        x, y = (int.from_bytes(data[at : at + width]) for at in (4, 4 + width))
        bits = c_uint.from_buffer_copy(data[:4]).value
        if bits != _CURVE_BITS or max(x, y).bit_length() > _CURVE_BITS:
            raise ConfigError("the key in the device is no SM2 key of 256 bits")
        return PublicKey(point=b"\x04" + x.to_bytes(FIELD_BYTES) + y.to_bytes(FIELD_BYTES))


class _Opened:
    """What has been opened, so that it can be given back in the opposite order."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._closers: list[tuple[Any, tuple[Any, ...]]] = []

    def session(self, key: int, pin: bytes) -> _Handle:
        """Return a session of the device that may use the private key *key*."""
        library, device, session = self._library, _Handle(), _Handle()
        check_code("open", library.SDF_OpenDevice(ctypes.byref(device)))
        self._closers.append((library.SDF_CloseDevice, (device,)))
        check_code("open a session", library.SDF_OpenSession(device, ctypes.byref(session)))
        self._closers.append((library.SDF_CloseSession, (session,)))
        granted = library.SDF_GetPrivateKeyAccessRight(session, key, pin, len(pin))
        check_code("give access to the private key", granted)
        self._closers.append((library.SDF_ReleasePrivateKeyAccessRight, (session, key)))
        return session

    def close(self) -> None:
        """Close everything; a device that objects cannot keep us."""
        while self._closers:
            function, arguments = self._closers.pop()
            function(*arguments)


def open_sdf(uri: str, pin: bytes) -> CheckedSigner:
    """Return a signer for the device key that *uri* names.

    Args:
        uri: ``sdf:/path/to/library.so?key=1``, perhaps with ``&width=32``.
        pin: The access code of the private key; never empty.

    Raises:
        ConfigError: If the library cannot be loaded, or the device does not open, knows no such
            key, refuses the code or holds no SM2 key. The message gives the device's own code.
    """
    named = SdfUri.parse(uri)
    if not pin:
        raise ConfigError("a key in a device is kept under an access code; it cannot be empty")
    try:
        library = ctypes.CDLL(str(named.library))
        for name, arguments in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = c_uint, arguments
    except (OSError, AttributeError):
        raise ConfigError(f"`{named.library.name}` is no library of GM/T 0018") from None
    return CheckedSigner(key=SdfKey(library, named, pin), verifier=chosen_verifier())


def check_code(what: str, code: int) -> None:
    """Return only if a call of the device went well; *what* says what it was to do.

    Raises:
        ConfigError: If it did not; with the code of Appendix A, or the maker's own.
    """
    if code != _OK:
        raise ConfigError(f"the cryptographic device did not {what} (code 0x{code:08x})")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 else 0  # noqa: PLR2004
