# SPDX-License-Identifier: Apache-2.0
"""Production mode: a sidecar decides by a bundle that its key vouches for, or does not decide."""

import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from govshare_policy.crypto import Signer, generate_key, open_signer
from govshare_policy.errors import ConfigError, VerificationError
from govshare_policy.policy import Precedence
from govshare_policy.signed import build_bundle, sign_bundle
from govshare_policy.usage import Usage
from govshare_sidecar.basis import load_basis
from govshare_sidecar.config import load_config
from tests.e2e.deployment import Deployment, await_

pytestmark = pytest.mark.usefixtures("api")

MADE = datetime(2026, 1, 5, 1, tzinfo=UTC)
PASSPHRASE = b"the key of the policy office"


@pytest.fixture
def office(deployment: Deployment) -> Signer:
    """The office that signs what decides; its public key stands beside the deployment."""
    path = deployment.directory / "keys" / "policy.pem"
    public = generate_key(path, PASSPHRASE)
    (deployment.directory / "keys" / "policy.pub").write_bytes(public.to_pem())
    deployment.configure(
        'profile = "hubei"\nprecedence = "local"\ndata = "data"\n',
        'bundle = "bundle"\nbundle_key = "keys/policy.pub"\n',
    )
    return open_signer(f"file:{path}", PASSPHRASE)


def publish(deployment: Deployment, office: Signer, *, name: str = "bundle") -> Path:
    """Build and sign what the data directory says now."""
    target = deployment.directory / name
    build_bundle(
        target,
        profile="hubei",
        data=deployment.directory / "data",
        precedence=Precedence.LOCAL,
        created=MADE,
    )
    sign_bundle(target, office)
    return target


def test_the_sidecar_decides_by_the_signed_bundle_and_not_by_what_lies_beside_it(
    deployment: Deployment, office: Signer
) -> None:
    publish(deployment, office)
    (deployment.directory / "data" / "grants.tsv").write_text("somebody else was here\n")

    with deployment.start() as running:
        assert running.request("/marriages/ID1").status == 200


def test_a_changed_bundle_is_not_put_in_force_and_the_old_one_stays(
    deployment: Deployment, office: Signer
) -> None:
    bundle = publish(deployment, office)
    with deployment.start() as running:
        grants = bundle / "data" / "grants.tsv"
        grants.write_text(grants.read_text("utf-8").replace("id_no,name", "id_no", 1), "utf-8")
        running.process.send_signal(signal.SIGHUP)
        await_(lambda: any("reload refused" in str(m.get("message")) for m in running.messages))

        assert running.request("/marriages/ID1").status == 200


@pytest.mark.parametrize("file", ["manifest.json", "manifest.sig", "data/grants.tsv"])
def test_a_sidecar_does_not_start_on_a_bundle_with_one_changed_byte(
    deployment: Deployment, office: Signer, file: str
) -> None:
    path = publish(deployment, office) / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    with pytest.raises(VerificationError):
        load_basis(load_config(deployment.config), Usage())


def test_a_bundle_that_nobody_signed_or_that_is_not_there_is_refused(
    deployment: Deployment, office: Signer
) -> None:
    config = load_config(deployment.config)
    with pytest.raises((ConfigError, VerificationError)):
        load_basis(config, Usage())
    (publish(deployment, office) / "manifest.sig").unlink()

    with pytest.raises((ConfigError, VerificationError)):
        load_basis(config, Usage())
