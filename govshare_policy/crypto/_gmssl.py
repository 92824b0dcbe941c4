# SPDX-License-Identifier: Apache-2.0
"""SM2 by the PyPI package ``gmssl``, kept to its point arithmetic and its signing equation.

Left to itself, gmssl 3.2.2 takes its nonces from ``random``, knows one signer id only, mangles
public keys that start with a 0 or a 4, and checks neither ranges nor points. Here the front layer
checks, the digest is ours and nonces come from ``secrets``. Its time still depends on the private
key: it signs where nothing else can.
"""

import importlib
import secrets
from typing import Any, Final

from govshare_policy.crypto._curve import FIELD_BYTES, GX, GY, N
from govshare_policy.crypto._digest import message_number
from govshare_policy.crypto._public import PublicKey
from govshare_policy.crypto._signature import Signature
from govshare_policy.errors import ConfigError, SignatureError

_GENERATOR: Final = f"{GX:064x}{GY:064x}"


class Gmssl:
    """Verifies and signs with gmssl's arithmetic."""

    name: Final = "gmssl"

    def __init__(self, engine: Any) -> None:  # noqa: ANN401 - gmssl has no types
        self._new = engine

    def verify(
        self, public: PublicKey, message: bytes, signature: Signature, *, signer_id: bytes
    ) -> None:
        """Return only if the equation holds; see :class:`._provider.Verifier`.

        Source:
            GB/T 32918.2-2016 §7.1 steps B3 to B7.
        """
        number = message_number(public, message, signer_id)
        t = (signature.r + signature.s) % N
        if t:
            x = self.sum_x(signature.s, t, public.point)
            if x is not None and (number + x) % N == signature.r:
                return
        raise SignatureError("the signature was not made by this key over these bytes")

    def sum_x(self, s: int, t: int, point: bytes) -> int | None:
        """Return the affine x of ``s * G + t * Q``, for Q the *point*; None at infinity.

        gmssl's own ``verify`` takes a wrong x where both products are equal, and fails where
        they cancel, so its parts are put together here.

        Args:
            s: 1..n-1.
            t: 1..n-1.
            point: ``04 || X || Y`` on the curve.
        """
        engine = self._new(private_key="", public_key="")
        # ruff: disable[SLF001]
        ours, theirs = engine._kg(s, _GENERATOR), engine._kg(t, point[1:].hex())
        if ours == theirs:
            total = engine._double_point(ours + "1")
        else:
            total = engine._add_point(ours + "1", theirs)
        affine = engine._convert_jacb_to_nor(total)
        # ruff: enable[SLF001]
        return None if affine is None else int(affine[: 2 * FIELD_BYTES], 16)

    def load_key(self, secret: int) -> "GmsslKey":
        """Return the key of *secret*, which is 1..n-2."""
        engine = self._new(private_key=f"{secret:064x}", public_key="")
        point = engine._kg(secret, _GENERATOR)  # noqa: SLF001 - gmssl derives no keys in public
        return GmsslKey(engine=engine, public=PublicKey(point=bytes.fromhex("04" + point)))


class GmsslKey:
    """A private key for gmssl."""

    def __init__(self, *, engine: Any, public: PublicKey) -> None:  # noqa: ANN401 - as above
        self._engine = engine
        self._public = public

    @property
    def public(self) -> PublicKey:
        """The key that checks its signatures."""
        return self._public

    def sign(self, message: bytes, *, signer_id: bytes) -> Signature:
        """Return a signature that nobody has checked yet."""
        digest = message_number(self.public, message, signer_id).to_bytes(FIELD_BYTES, "big")
        # None stands for the few nonces that the standard tells the signer to draw again.
        raw = None
        while raw is None:
            raw = self._engine.sign(digest, f"{1 + secrets.randbelow(N - 1):064x}")
        return Signature(r=int(raw[:64], 16), s=int(raw[64:], 16))


def open_gmssl(module: str = "gmssl.sm2") -> Gmssl:
    """Return the provider, if the optional package is installed.

    Raises:
        ConfigError: If it is not, or another package took its name.
    """
    try:
        return Gmssl(importlib.import_module(module).CryptSM2)
    except (ImportError, AttributeError):
        raise ConfigError("the optional package `gmssl` is not installed") from None
