# SPDX-License-Identifier: Apache-2.0
"""What `make lint` finds wrong in a document."""

from pathlib import Path

import pytest

from tools import check_docs

WRONG = {
    "no such command": ("```sh\ngovshare audit verfy log\n```", ["verfy"]),
    "no such group": ("```sh\ngovshare adit show log\n```", ["adit"]),
    "no such option": ("```sh\ngovshare audit verify log --trusted t.toml\n```", ["--trusted"]),
    "in the next line": (
        "```sh\ngovshare audit verify log \\\n  --trusted t.toml\n```",
        ["--trusted"],
    ),
    "behind a pipe": ("```sh\nprintf x | govshare audit show log --all\n```", ["--all"]),
    "in a sentence": ("Say `govshare serve --config=FILE --port 1`.", ["--port"]),
    "by the path of the environment": ("```\n.venv/bin/govshare nothing\n```", ["nothing"]),
}
RIGHT = {
    "options and values": "```\ngovshare audit show log --from 0 --count=20 -o json  # so\n```",
    "what follows is none of it": "```\ngovshare keys show k --origin x | sort --unique\n```",
    "a group in a sentence": "`govshare egress` and `govshare audit verify|show`",
    "another language": "```toml\nrun = 'govshare nothing'\n```",
    "what is left out": "`govshare application apply … --for D-CAB`",
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_what_the_program_does_not_know_is_found(case: tuple[str, list[str]]) -> None:
    text, words = case
    found = [word for one in check_docs.commands_of(text) for word in check_docs.unknown_words(one)]

    assert found == words


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_what_it_knows_is_not(text: str) -> None:
    assert not [
        word for one in check_docs.commands_of(text) for word in check_docs.unknown_words(one)
    ]


def test_a_link_has_to_lead_to_a_file_and_a_heading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_docs, "ROOT", tmp_path)
    (tmp_path / "there.md").write_text("# One\n## `[egress]`: the guard\n```\n# Not one\n```\n")
    links = "[a](there.md#one) [b](there.md#egress-the-guard) [c](https://example.org/x#y) [d](#e)"
    wrong = "[f](there.md#not-one) [g](gone.md)"
    here = tmp_path / "here.md"
    here.write_text(f"# E\n{links} {wrong}\n")

    assert check_docs.broken_links(here, here.read_text()) == [
        "here.md: `there.md` has no heading `#not-one`",
        "here.md: the link `gone.md` leads nowhere",
    ]
