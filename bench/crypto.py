# SPDX-License-Identifier: Apache-2.0
"""How fast each provider signs and verifies, and SM3 digests, on this machine.

Run it as ``python bench/crypto.py``. Operations are per second of processor time, in one thread,
on messages of 512 bytes; ratios are to the first line of each table, taken in the same run.
"""

import hashlib
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Final

from bench.report import Report, Row, options
from govshare_policy.crypto import DEFAULT_ID, sm3
from govshare_policy.crypto._front import load_signer, verify_with
from govshare_policy.crypto._gmssl import open_gmssl
from govshare_policy.crypto._known import KNOWN_PUBLIC, KNOWN_SECRET
from govshare_policy.crypto._libcrypto import open_libcrypto
from govshare_policy.crypto._points import open_points
from govshare_policy.crypto._provider import SigningProvider, Verifier
from govshare_policy.crypto._pure import open_pure
from govshare_policy.crypto._pyca import PycaSm3

ROUNDS: Final = 7
ROUND_S: Final = 0.15
MESSAGE: Final = bytes(512)


def rate(work: Callable[[], object]) -> float:
    """Return the median of operations per processor-second over the rounds."""
    work()  # builds the tables and loads the keys
    return statistics.median(_one_round(work) for _ in range(ROUNDS))


def _one_round(work: Callable[[], object]) -> float:
    start, count = time.process_time(), 0
    while (spent := time.process_time() - start) < ROUND_S:
        work()
        count += 1
    return count / spent


def signing(provider: SigningProvider) -> Callable[[], object]:
    """Return one signature, not checked afterwards."""
    key = provider.load_key(KNOWN_SECRET)
    return lambda: key.sign(MESSAGE, signer_id=DEFAULT_ID)


def checked_signing(provider: SigningProvider) -> Callable[[], object]:
    """Return one signature as the product makes it, checked before it leaves."""
    signer = load_signer(provider, provider, secret=KNOWN_SECRET, point=None)
    return lambda: signer.sign(MESSAGE, signer_id=DEFAULT_ID)


def verifying(verifier: Verifier, signature: bytes) -> Callable[[], object]:
    """Return one verification behind the front layer."""
    return lambda: verify_with(verifier, KNOWN_PUBLIC, MESSAGE, signature, signer_id=DEFAULT_ID)


def pyca_sm3() -> bytes:
    """Return a digest by pyca/cryptography."""
    computation = PycaSm3()
    computation.update(MESSAGE)
    return computation.digest()


def table(title: str, works: dict[str, Callable[[], object]], report: Report) -> None:
    """Print and keep one line for each of *works*, each beside the first."""
    print(f"\n{title:<28}{'per second':>12}{'ratio':>9}")
    rates = {name: rate(work) for name, work in works.items()}
    head, first = next(iter(rates.items()))
    for name, value in rates.items():
        print(f"  {name:<26}{value:>12,.0f}{value / first:>9.3f}")
        beside = "" if name == head else f"{title}: {head}"
        report.rows.append(
            Row(series=f"{title}: {name}", unit="1/s", value=value, n=ROUNDS, beside=beside)
        )


def main() -> None:
    """Print the machine and the tables."""
    chosen, report = options(__doc__).parse_args(), Report(name="crypto", n=ROUNDS)
    libcrypto, pure, gmssl = open_libcrypto(), open_pure(), open_gmssl()
    signer = load_signer(libcrypto, libcrypto, secret=KNOWN_SECRET, point=None)
    signature = signer.sign(MESSAGE, signer_id=DEFAULT_ID)
    print(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}")
    print(f"medians of n = {ROUNDS} rounds of {ROUND_S} s")
    table("sign", {p.name: signing(p) for p in (libcrypto, gmssl)}, report)
    table("sign and check", {p.name: checked_signing(p) for p in (libcrypto, gmssl)}, report)
    # Both are libcrypto's, so the name of the provider would stand for two.
    verifiers: dict[str, Verifier] = {"libcrypto": libcrypto, "libcrypto, by points": open_points()}
    verifiers |= {p.name: p for p in (pure, gmssl)}
    verifies = {name: verifying(verifier, signature) for name, verifier in verifiers.items()}
    table("verify", verifies, report)
    table(
        "SM3 of 512 bytes",
        {
            "sm3()": lambda: sm3(MESSAGE),
            "hashlib.new each time": lambda: hashlib.new("sm3", MESSAGE).digest(),
            "cryptography": pyca_sm3,
        },
        report,
    )
    report.write(chosen.json)


if __name__ == "__main__":
    main()
