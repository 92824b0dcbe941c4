# SPDX-License-Identifier: Apache-2.0
"""Keys, evidence and the three verifiers, once for all of these tests."""

from pathlib import Path

import pytest

from govshare_policy.audit import Receipt, prove_consistency, prove_inclusion, trust_text
from govshare_policy.audit.continuation import Continuation
from govshare_policy.crypto import generate_key, open_signer
from tests.conformance.court import INDEX, LEAVES, NEW, OLD, ORIGIN, RECORDS, Court, Kit, longest
from tests.conformance.example import lay_out
from tests.conformance.verdicts import load_single_file


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Where the log of the specification's first section is."""
    lay_out(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def court(tmp_path_factory: pytest.TempPathFactory) -> Court:
    return Court(tmp_path_factory.mktemp("court"), load_single_file())


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    directory = tmp_path_factory.mktemp("keys")
    signers = []
    for name in ("log", "other", "witness"):
        generate_key(directory / name, b"correct horse")
        signers.append(open_signer(f"file:{directory / name}", b"correct horse"))
    log, other, witness = signers
    note, older = longest(NEW, log).to_note(), longest(OLD, log).to_note()
    proof = prove_inclusion(LEAVES, INDEX)
    receipt = Receipt(index=INDEX, record=RECORDS[INDEX], proof=proof, checkpoint=note)
    path = prove_consistency(LEAVES, OLD)
    return Kit(
        log=log,
        other=other,
        witness=witness,
        trust=trust_text(ORIGIN, log.public),
        note=note,
        older=older,
        receipt=receipt.to_text().encode(),
        continuation=Continuation(old_size=OLD, proof=path, checkpoint=note).to_text().encode(),
    )
