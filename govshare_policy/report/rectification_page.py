# SPDX-License-Identifier: Apache-2.0
"""The list of violations as one HTML page in both languages."""

from typing import Final

from govshare_policy.report.finding import Finding
from govshare_policy.report.markup import Html, both, element, ident, joined, table, text
from govshare_policy.report.rectification import Occurrence, Rectification
from govshare_policy.report.sections import cited
from govshare_policy.report.shell import SWITCH, badge_of, vouched, whole_page
from govshare_policy.report.words import GRADES, NOBODY, STATES, Words, judged_on
from govshare_policy.supervision import Incident, Proceeding, Violation

_DEPARTMENT: Final = Words("责任单位", "who answers for it")
_RESOURCE: Final = Words("资源", "resource")
_SINCE: Final = Words("自", "since")
_EVIDENCE: Final = Words("依据", "evidence")
_COUNT: Final = Words("次数", "times")
_FINDING_HEADS: Final = (
    _DEPARTMENT,
    _RESOURCE,
    Words("情形", "what was seen"),
    _SINCE,
    _EVIDENCE,
    Words("整改", "notice"),
    _COUNT,
)

_MEANS: Final = {
    "shown": Words("可直接查证", "can be looked up"),
    "attempt": Words("数据未放行", "no data were released"),
    "sign": Words("不是结论", "no conclusion"),
}


def rectification_page(listed: Rectification, *, chinese: bool) -> str:
    """Return the page.

    Args:
        listed: What was found.
        chinese: The language that shows first; a switch on the page shows the other.
    """
    title = Words("违规情形与整改", "Violations and rectification")
    sections = [_violation(listed, one) for one in listed.text.violations]
    if listed.text.incidents:
        sections.append(_incidents(listed))
    sections.append(_proceedings(listed))
    if listed.text.sum_clauses:
        sections.append(_released(listed))
    sections += [_silence(listed)] if listed.text.silences else []
    return whole_page(
        title,
        header=_header(listed, title),
        main=joined([_tiles(listed), *sections]),
        footer=_footer(listed),
        chinese=chinese,
    )


def _header(listed: Rectification, title: Words) -> Html:
    whole = listed.text
    parts = [
        SWITCH,
        element("h1", both(title)),
        element("p", both(Words(f"依据：{whole.name_zh}", f"Text: {whole.name_en}"))),
    ]
    if listed.department:
        parts.append(element("p", _body(listed, listed.department)))
    judged, days = judged_on(listed.as_of, listed.later), listed.span
    period = Words(
        f"{days.first} 至 {days.last}（北京时间），{judged.zh}",
        f"{days.first} to {days.last} (Asia/Shanghai); {judged.en}",
    )
    parts += [element("p", both(period)), badge_of(listed.sources)]
    return element("header", element("div", joined(parts)))


def _tiles(listed: Rectification) -> Html:
    def tile(what: Words, number: int, more: Words) -> Html:
        inside = (
            element("span", both(what), kind="what"),
            element("b", text(f"{number:,}")),
            element("small", both(more)),
        )
        return element("div", joined(inside), kind="tile")

    tiles = [
        tile(words, sum(one.grade.value == grade for one in listed.findings), _MEANS[grade])
        for grade, words in GRADES.items()
    ]
    overdue = sum(one.is_overdue(listed.as_of) for one in listed.proceedings)
    open_now = sum(not one.is_over for one in listed.proceedings)
    more = Words(f"其中逾期 {overdue}", f"{overdue} of them overdue")
    tiles.append(tile(Words("未办结整改与处置", "proceedings open"), open_now, more))
    return element("div", joined(tiles), kind="tiles")


def _violation(listed: Rectification, violation: Violation) -> Html:
    heading = Html(
        both(Words(violation.text_zh, violation.text_en))
        + cited((*violation.clauses, *violation.see))
    )
    found = listed.of(violation.id)
    mend = Words(f"整改：{violation.mend_zh}", f"What mends it: {violation.mend_en}")
    unseen = Words(f"看不到的：{violation.unseen_zh}", f"Not seen: {violation.unseen_en}")
    parts = [element("h2", heading), _findings(listed, found)]
    if found:
        parts.append(element("p", both(mend), kind="soft"))
    parts.append(element("p", both(unseen), kind="soft"))
    return element("section", joined(parts))


def _findings(listed: Rectification, found: tuple[Finding, ...]) -> Html:
    rows = (
        (
            Html(_body(listed, one.department) + _small(one.system)),
            text(one.resource),
            Html(both(one.text) + _small_words(GRADES[one.grade.value])),
            element("span", text(one.since or "–"), kind="day"),
            joined(element("code", text(evidence.place)) for evidence in one.evidence),
            text(one.notice or "–"),
            text(f"{one.count:,}"),
        )
        for one in found
    )
    return table([both(head) for head in _FINDING_HEADS], rows, numbers_from=6)


def _incidents(listed: Rectification) -> Html:
    words = Words("使用部门负责的四类行为", "What the user answers for")
    parts = [element("h2", both(words))]
    parts += [_category(listed, incident) for incident in listed.text.incidents]
    return element("section", joined(parts))


def _category(listed: Rectification, incident: Incident) -> Html:
    heads = (_DEPARTMENT, _RESOURCE, _SINCE, _EVIDENCE, _COUNT)
    found = [one for one in listed.occurrences if one.incident == incident.id]
    name = Html(both(Words(incident.text_zh, incident.text_en)) + cited(incident.clauses))
    rows = (_occurrence(listed, one) for one in found)
    return Html(element("h3", name) + table([both(head) for head in heads], rows, numbers_from=4))


def _occurrence(listed: Rectification, one: Occurrence) -> tuple[Html, ...]:
    return (
        Html(_body(listed, one.department) + _small(one.system)),
        text(one.resource),
        text(one.seen.first),
        joined(element("code", text(evidence.place)) for evidence in one.seen.evidence),
        text(f"{one.seen.count:,}"),
    )


def _proceedings(listed: Rectification) -> Html:
    heads = (
        Words("事项", "matter"),
        _DEPARTMENT,
        Words("违规情形或授权", "violation or grant"),
        Words("状态", "state"),
        Words("期限", "due"),
        _EVIDENCE,
    )
    rows = (_proceeding(listed, one) for one in listed.proceedings)
    heading = element("h2", both(Words("整改与处置事项", "Notices and disposals")))
    body = table([both(head) for head in heads], rows, numbers_from=len(heads))
    return element("section", joined((heading, body)))


def _proceeding(listed: Rectification, one: Proceeding) -> tuple[Html, ...]:
    late = one.is_overdue(listed.as_of)
    due = element("span", text(one.until or "–"), kind="late" if late else "")
    return (
        Html(text(one.id) + cited(one.clauses[:1])),
        _body(listed, one.told),
        text(one.violation or one.grant),
        both(STATES[one.state]),
        due,
        joined(element("code", text(f"{s.origin}#{s.index}")) for s in one.steps),
    )


def _released(listed: Rectification) -> Html:
    heading = Html(
        both(Words("各部门所获数据汇总", "Released in sum, by department"))
        + cited(listed.text.sum_clauses)
    )
    said = Words(
        "汇聚、关联后是否泄密由人判断；“可关联项”为从多个资源取得的同名信息项。",
        "What the fields reveal together is for people to judge. Linking fields came from several "
        "resources under the same name.",
    )
    heads = (
        Words("部门", "department"),
        _RESOURCE,
        Words("信息项", "fields"),
        Words("可关联项", "linking fields"),
        Words("调用", "calls"),
        Words("记录数", "rows"),
    )
    rows = (
        (
            _body(listed, one.department),
            text(resource),
            text(", ".join(sorted(held.fields))),
            text(", ".join(name for name in sorted(held.fields) if name in one.linking)),
            text(f"{held.calls:,}"),
            text(f"{held.rows:,}"),
        )
        for one in listed.released
        for resource, held in one.held.items()
    )
    body = table([both(head) for head in heads], rows, numbers_from=4)
    parts = (element("h2", heading), body, element("p", both(said), kind="soft"))
    return element("section", joined(parts))


def _silence(listed: Rectification) -> Html:
    heading = element("h2", both(Words("文本没有规定的", "What the text does not know")))
    rows = joined(
        element("p", Html(both(Words(one.text_zh, one.text_en)) + cited(one.clauses)), kind="soft")
        for one in listed.text.silences
    )
    return element("section", joined((heading, rows)))


def _footer(listed: Rectification) -> Html:
    said = Words(
        "“被拒绝的尝试”未产生数据放行；“线索”须由人核实。证据写作日志名#记录号、文件:行号"
        "或事项编号。",
        "An attempt was refused and no data left; a sign has to be looked into by people. "
        "Evidence is log#record, file:line, or the id of a matter.",
    )
    return element("footer", joined((element("p", both(said)), vouched(listed.sources))))


def _body(listed: Rectification, department: str) -> Html:
    if not department:
        return both(NOBODY)
    one = listed.register.departments.get(department)
    if one is None:
        return text(department)
    return Html(both(Words(one.name_zh, one.name_en or one.name_zh)) + ident(department))


def _small(value: str) -> Html:
    return ident(value) if value else Html("")


def _small_words(words: Words) -> Html:
    return element("small", both(words))
