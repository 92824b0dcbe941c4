# SPDX-License-Identifier: Apache-2.0
"""Generate ``govshare_sidecar/_pb`` from ``proto/``; with ``--check``, only compare.

The generated imports are made relative, so that the code is a private part of the sidecar and
puts no top-level ``govshare`` package on anybody's path.
"""

import argparse
import re
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import Final

from grpc_tools import protoc  # type: ignore[import-untyped]

ROOT: Final = Path(__file__).resolve().parent.parent
PROTO: Final = ROOT / "proto"
TARGET: Final = ROOT / "sidecar" / "govshare_sidecar" / "_pb"
# The second is Envoy's, under names of our own; it is no part of our API.
PACKAGES: Final = (Path("govshare/v1"), Path("govshare/envoy/v1"))
_NOTICE: Final = "# SPDX-License-Identifier: Apache-2.0\n"
_INIT: Final = (
    f'{_NOTICE}"""Generated from ``proto/`` by ``tools/gen_proto.py``; not edited by hand."""\n'
)
_IMPORT: Final = re.compile(r"^from govshare\.v1 import ", re.MULTILINE)


def generate() -> dict[Path, str]:
    """Return the generated files, by their path under the target."""
    sources = sorted(
        str(path.relative_to(PROTO))
        for package in PACKAGES
        for path in (PROTO / package).glob("*.proto")
    )
    common = str(resources.files("grpc_tools").joinpath("_proto"))
    with tempfile.TemporaryDirectory() as directory:
        code = protoc.main(
            [
                "protoc",
                f"--proto_path={PROTO}",
                f"--proto_path={common}",
                f"--python_out={directory}",
                f"--pyi_out={directory}",
                f"--grpc_python_out={directory}",
                *sources,
            ]
        )
        if code != 0:
            raise SystemExit(code)
        made = {
            path.name: path.read_text(encoding="utf-8")
            for package in PACKAGES
            for path in Path(directory, package).iterdir()
        }
    files = {Path("__init__.py"): _INIT}
    for name, text in sorted(made.items()):
        if name.endswith("_pb2_grpc.py") and "Servicer" not in text:
            continue  # a file without services: there is nothing in it
        files[Path(name)] = _NOTICE + _IMPORT.sub("from . import ", text)
    return files


def current() -> dict[Path, str]:
    """Return the files that are checked in, by their path under the target."""
    return {
        path.relative_to(TARGET): path.read_text(encoding="utf-8")
        for path in TARGET.rglob("*.py*")
        if path.suffix in (".py", ".pyi")
    }


def write(files: dict[Path, str]) -> None:
    """Make *files* the whole content of the target."""
    for name in current().keys() - files.keys():
        (TARGET / name).unlink()
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (TARGET / name).write_text(text, encoding="utf-8")


def main() -> int:
    """Generate or check; return 1 if the checked-in code is not what ``proto/`` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if stale")
    check = parser.parse_args().check
    files, found = generate(), current()
    stale = sorted(
        str(name) for name in files.keys() | found.keys() if files.get(name) != found.get(name)
    )
    if check and stale:
        print(f"stale, run tools/gen_proto.py: {', '.join(stale)}", file=sys.stderr)
        return 1
    if stale:
        write(files)
    print(f"{len(files)} files, {'as checked in' if not stale else 'written'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
