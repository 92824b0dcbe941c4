# SPDX-License-Identifier: Apache-2.0
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from govshare_policy.audit import load_trust
from tests.unit.cli.conftest import Command
from tests.unit.cli.steps import APPLY, CYCLES, Place

ID = "APP-2026-0001"
CALL = {
    "id": "call",
    "at": "2026-11-24T10:00:00+08:00",
    "action": "read",
    "department": "D-CAB",
    "system": "SYS-CAB-AID",
    "resource": "R12",
    "fields": ["id_no"],
    "purpose": "data_verification",
}
Make = Callable[[str], Place]


@pytest.fixture
def place(govshare: Command, tmp_path: Path) -> Make:
    return lambda profile: Place(govshare, tmp_path / profile, profile)


def allowed(govshare: Command, here: Place) -> str:
    done = govshare(
        *("check", "--profile", here.profile, "--data", here.directory / "data"),
        stdin=json.dumps(CALL).encode(),
    )
    return str(done.lines[0]["outcome"])


@pytest.mark.parametrize("profile", CYCLES)
def test_the_whole_cycle_runs_from_the_command_line_and_the_log_verifies(
    place: Make, govshare: Command, profile: str
) -> None:
    here = place(profile)
    before = allowed(govshare, here)
    applied = here.take("clerk", *APPLY)
    steps = [
        here.take(who, "application", command[0], ID, *command[1:])
        for who, command in CYCLES[profile]
    ]
    verified = govshare(
        *("audit", "verify", here.directory / "audit" / "workflow" / "log"),
        *("--trust", here.directory / "trust-workflow.toml"),
    )

    assert [done.code for done in (applied, *steps)] == [0] * (1 + len(steps)), [
        done.err for done in steps
    ]
    assert applied.json["matter"] == ID
    assert (before, allowed(govshare, here)) == ("needs_grant", "allow")
    assert (verified.code, verified.json["size"]) == (0, 2 + len(steps))


def test_the_trust_file_of_the_other_log_is_said_to_be_that(place: Make, govshare: Command) -> None:
    """Two logs and two trust files lie in one deployment; the message tells both names."""
    here = place("hubei")
    here.take("clerk", *APPLY)
    log, trust = here.directory / "audit" / "workflow" / "log", here.directory / "trust.toml"
    done = govshare("audit", "verify", log, "--trust", trust)
    origin = load_trust(trust).origin

    assert done.code == 1
    assert (
        f"this is the log `{origin}/workflow`, and the trust file is for the log `{origin}`"
    ) in done.json["error"]
    assert load_trust(here.directory / "trust-workflow.toml").origin == f"{origin}/workflow"


def test_a_step_that_is_refused_says_why_and_exits_1(place: Make) -> None:
    here = place("hubei")
    here.take("clerk", *APPLY)
    here.take("operator", "application", "check", ID, "--accept")
    refused = here.take(
        *("chief", "application", "decide", ID, "--refuse", "--reason", "无纸质件"),
        *("--reason-code", "outside_duties"),
    )

    assert (refused.code, refused.json["outcome"]) == (1, "refused")
    assert (refused.json["code"], refused.json["clauses"][0]) == ("invalid_refusal", "HU-a22-02")
    assert refused.json["text"]
    assert refused.json["text_zh"]


def test_a_refusal_without_a_code_is_told_to_state_one(place: Make) -> None:
    here = place("hubei")
    here.take("clerk", *APPLY)
    here.take("operator", "application", "check", ID, "--accept")
    refused = here.take("chief", "application", "decide", ID, "--refuse", "--reason", "用途不符")

    assert (refused.code, refused.json["code"]) == (1, "want_missing")
    assert "reason_code" in refused.json["text"]


def test_a_dispute_goes_up_and_is_settled_from_the_command_line(place: Make) -> None:
    here = place("henan-fengqiu")
    here.take("clerk", *APPLY)
    here.take("chief", "application", "decide", ID, "--refuse", "--reason", "用途不符，详见第3条")
    raised = here.take("clerk", "application", "dispute", ID, "--reason", "确需")
    higher = here.take("clerk", "application", "escalate", "DIS-2026-0001")
    settled = here.take(
        *("authority", "application", "settle", "DIS-2026-0001", "--reopen"),
        *("--finding", "应予共享"),
    )
    approved = here.take("chief", "application", "decide", ID, "--approve", "--fields", "id_no")

    assert raised.json["chain"] == (
        "data_bureau_convenes(provider,user,platform)>county_government"
    )
    assert (higher.json["level"], settled.json["result"]) == ("county_government", "reopened")
    assert approved.json["granted"]["fields"] == ["id_no"]


def test_material_is_asked_for_handed_in_and_time_extended(place: Make) -> None:
    here = place("national-809")
    here.take("clerk", *APPLY)
    here.take("head", "application", "endorse", ID)
    codes = [
        here.take("provider", "application", "supplement", ID, "--missing", "期限").code,
        here.take("clerk", "application", "complete", ID, "--material", "已补").code,
        here.take(
            *("authority", "application", "extend", ID, "--days", "5", "--reason", "改造")
        ).code,
        here.take(
            *("chief", "application", "clear", ID, "--refuse", "--reason", "不符"),
            *("--reason-code", "outside_duties"),
        ).code,
    ]

    assert codes == [0, 0, 0, 0]


def test_what_was_negotiated_is_signed_from_the_command_line(place: Make) -> None:
    here = place("henan-hebi")
    apply_r31 = tuple(
        {"R12": "R31", "id_no,owner_name": "project_code"}.get(word, word) for word in APPLY
    )
    here.take("clerk", *apply_r31)
    offered = here.take("projects", "application", "decide", ID, "--approve")
    signed = here.take("head", "application", "sign", ID)

    assert (offered.code, signed.code) == (0, 0)
    assert signed.json["grant"] == f"G-{ID}"


def test_lists_show_what_is_next_and_what_is_late(place: Make) -> None:
    here = place("hubei")
    here.take("clerk", *APPLY)
    listed = here.show("application", "list")
    on_time = here.show("application", "overdue", "--as-of", "2026-11-26")
    running = here.show("application", "overdue", "--as-of", "2026-11-26", "--all")
    late = here.show("application", "overdue", "--as-of", "2026-11-27", "--output", "jsonl")

    assert listed.json["matters"][0]["next"] == ["accept", "decline"]
    assert on_time.json["turns"] == []
    assert (running.json["turns"][0]["due"], running.json["turns"][0]["status"]) == (
        "2026-11-26",
        "open",
    )
    assert (late.lines[0]["stage"], late.lines[0]["bodies"]) == ("form_check", ["O-OPS"])


def test_persons_and_salts_stay_out_of_what_is_shown(place: Make) -> None:
    here = place("hubei")
    here.take("clerk", *APPLY)

    assert '"li"' not in here.show("application", "list").out


def test_tables_speak_both_languages(place: Make) -> None:
    here = place("hubei")
    done = here.take("clerk", *APPLY, "--output", "table", "--lang", "zh")
    refused = here.take(
        *("clerk", "application", "check", ID, "--accept", "--output", "table", "--lang", "en")
    )
    tables = [
        here.show("application", name, "--output", "table", "--lang", "zh").out
        for name in ("list", "overdue", "procedure", "steps")
    ]

    assert "告知" in done.out
    assert "own application" in refused.out
    assert all(
        head in table
        for head, table in zip(("使用部门", "应办单位", "争议处理", "条款"), tables, strict=True)
    )


def test_the_tables_of_the_texts_are_printed(place: Make) -> None:
    here = place("hubei")
    texts = here.show("application", "procedure").json["texts"]
    steps = here.show("application", "steps").json["steps"]

    assert texts[0]["forbidden_reasons"] == ["no_paper_application"]
    assert {row["step"] for row in steps} >= {"apply", "accept", "approve", "notify", "supply"}
    assert here.show("application", "list").json == {"matters": []}, "reading begins nothing"
    assert not (here.directory / "audit" / "workflow").exists()


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (("decide", ID), "say which way"),
        (("supply", "APP-2026-0009"), "no matter"),
        (("supply", "nonsense"), "no matter"),
        (("escalate", ID), "not of the kind `dispute`"),
        (("decide", ID, "--approve", "--to", "soon"), "`--to` is a day"),
        (("decide", ID, "--approve", "--to", "2026-02-30"), "`--to` is a day"),
        (("decide", ID, "--refuse", "--reason-code", "No Paper"), "reason code"),
    ],
)
def test_bad_input_is_one_sentence(place: Make, command: tuple[str, ...], sentence: str) -> None:
    here = place("henan-fengqiu")
    here.take("clerk", *APPLY)
    done = here.take("chief", "application", *command)

    assert (done.code, done.out) == (2, "")
    assert sentence in done.err
    assert done.err.count("\n") == 1


def test_a_time_has_a_zone(place: Make) -> None:
    here = place("henan-fengqiu")
    for at in ("2026-11-23T10:00:00", "noon"):
        done = here.show(*APPLY, "--by", "D-CAB", "--person", "li", "--at", at)
        assert done.code == 2
        assert "`--at` is an instant with a zone" in done.err


def test_without_a_stated_time_the_clock_of_the_platform_counts(
    place: Make, govshare: Command
) -> None:
    here = place("henan-fengqiu")
    here.take("clerk", *APPLY)
    here.show(*APPLY, "--by", "D-CAB", "--person", "li")
    log = here.directory / "audit" / "workflow" / "log"
    records = [row["record"] for row in govshare("audit", "show", log).json["records"]]

    clocks = [record["clock"] for record in records if record["phase"] == "workflow"]
    assert clocks == ["stated", "platform"]


def test_a_deployment_without_a_name_for_its_log_has_no_procedures(place: Make) -> None:
    here = place("henan-fengqiu")
    config = here.directory / "govshare.toml"
    lines = config.read_text(encoding="utf-8").splitlines(keepends=True)
    config.write_text("".join(x for x in lines if not x.startswith("origin")), encoding="utf-8")
    done = here.take("clerk", *APPLY)

    assert done.code == 2
    assert "`log.origin` is missing" in done.err


def test_no_step_changes_a_signed_bundle(place: Make) -> None:
    here = place("henan-fengqiu")
    config = here.directory / "govshare.toml"
    own = ("profile", "precedence", "data")
    lines = config.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(own)]
    signed = 'bundle = "bundle"\nbundle_key = "keys/audit.pub.pem"\n'
    config.write_text(signed + "".join(kept), encoding="utf-8")
    done = here.take("clerk", *APPLY)

    assert done.code == 2
    assert "a signed bundle cannot be written to" in done.err


def test_a_place_that_cannot_be_written_is_said_to_be_one(place: Make) -> None:
    here = place("henan-fengqiu")
    (here.directory / "audit" / "workflow").write_text("in the way", encoding="utf-8")
    done = here.take("clerk", *APPLY)

    assert done.code == 2
    assert "the directory of the log of steps" in done.err
