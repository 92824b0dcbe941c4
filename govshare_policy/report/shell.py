# SPDX-License-Identifier: Apache-2.0
"""What the pages of all reports share: the frame, the switch of languages, who vouches for it."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Final

from govshare_policy.report.markup import Html, both, element, joined, text
from govshare_policy.report.source import Source
from govshare_policy.report.words import UNVERIFIED, VERIFIED, Words

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
SWITCH: Final = Html(
    '<nav><label for="zh" lang="zh-CN">中文</label><label for="en" lang="en-GB">English'
    "</label></nav>"
)


def whole_page(title: Words, *, header: Html, main: Html, footer: Html, chinese: bool) -> str:
    """Return a page that needs nothing but itself: no script, no net.

    Args:
        title: What the window is called.
        header: Begins with :data:`SWITCH`.
        main: The sections.
        footer: How it was counted.
        chinese: The language that shows first; the switch shows the other.
    """
    style = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    zh, en = ("checked", "") if chinese else ("", "checked")
    return f"""<!doctype html>
<html lang="{"zh" if chinese else "en"}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{text(title.zh if chinese else title.en)}</title>
<style>
{style}</style>
</head>
<body>
<input class="pick" type="radio" name="lang" id="zh" {zh}>
<input class="pick" type="radio" name="lang" id="en" {en}>
{header}
<main>
{main}
</main>
{footer}
</body>
</html>
"""


def badge_of(sources: Sequence[Source]) -> Html:
    """Return whether the logs were verified, as a badge."""
    verified = all(source.verdict is not None for source in sources)
    badge = element("span", both(VERIFIED if verified else UNVERIFIED), kind="badge")
    return Html(badge.replace('"badge"', f'"badge {"yes" if verified else "no"}"'))


def vouched(sources: Sequence[Source]) -> Html:
    """Return what each log verified as."""
    return joined(
        element("p", Html(text(source.origin) + _of_one(source.to_document())))
        for source in sources
    )


def _of_one(document: dict[str, object]) -> Html:
    if not document["verified"]:
        return Html(": " + both(UNVERIFIED))
    number, last = document["records"], document["last_time"]
    said = Words(
        f"：已验证，{number:,} 条记录，最近检查点 {last}，根 ",
        f": verified, {number:,} records, last checkpoint {last}, root ",
    )
    return Html(both(said) + element("code", text(document["root"])))
