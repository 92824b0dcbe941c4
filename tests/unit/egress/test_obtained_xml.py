# SPDX-License-Identifier: Apache-2.0
"""What was obtained as XML is rows, as JSON of the same would be."""

import pytest

from govshare_policy.egress.obtained import XML, form_of_name, form_of_type, rows_of
from govshare_policy.errors import CallError

TWO = """<?xml version="1.0" encoding="UTF-8"?>
<answer total="2"><items>
 <item id_no="A1"><name>欧阳</name><spouse><name>上官</name></spouse></item>
 <item id_no="A2"><name>司马</name>a note</item>
</items></answer>"""


def test_each_element_that_repeats_is_a_row_with_its_attributes_and_what_is_within() -> None:
    fields, rows = rows_of(TWO.encode(), XML)

    assert rows == [
        {"answer.total": "2"},
        {"id_no": "A1", "name": "欧阳", "spouse.name": "上官"},
        {"id_no": "A2", "name": "司马", "text": "a note"},
    ]
    assert fields == ("answer.total", "id_no", "name", "spouse.name", "text")


def test_one_record_alone_and_values_that_repeat_are_one_row() -> None:
    _, rows = rows_of(b"<r a='1'><a>2</a><b>3</b><b>4</b></r>", XML)

    assert rows == [{"r.a.0": "1", "r.a.1": "2", "r.b.0": "3", "r.b.1": "4"}]


@pytest.mark.parametrize(
    "body",
    [
        b"<a>",
        b"",
        "<a>é</a>".encode("latin-1"),
        "<a/>".encode("utf-16"),
        b'<?xml version="1.0" encoding="GBK"?><a>1</a>',
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b"<a>" * 100 + b"</a>" * 100,
    ],
    ids=["open", "empty", "latin", "utf-16", "declared", "entity", "deep"],
)
def test_what_is_no_plain_xml_in_utf_8_is_not_registered(body: bytes) -> None:
    with pytest.raises(CallError):
        rows_of(body, XML)


def test_the_type_and_the_ending_name_the_form() -> None:
    types = ("application/xml", "text/xml; charset=utf-8", "application/x-share+xml")
    assert {form_of_type(one) for one in types} == {XML}
    assert form_of_name("obtained.XML") == XML
