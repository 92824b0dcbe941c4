# SPDX-License-Identifier: Apache-2.0
"""The thirty calls of the matrix, in the order in which they are asked: quotas are spent by it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCall:
    """One call, and the answer that every entrance has to give.

    Attributes:
        client: Whose certificate is presented; a key of :attr:`Deployment.clients`.
        operator: A person; shows in the record as a commitment only.
        alone: The text that is asked alone, where the two of the matrix have no such outcome.
        outcome: One of the seven.
        clause: The deciding clause.
    """

    client: str
    resource: str
    fields: tuple[str, ...]
    purpose: str = "data_verification"
    channel: str = "api"
    item: str = ""
    grant: str = ""
    operator: str = ""
    consent: str = ""
    alone: str = ""
    outcome: str
    clause: str

    def document(self) -> dict[str, Any]:
        """Return the call as a document; what is empty is left out, but for the purpose."""
        stated = {
            "item": self.item,
            "grant": self.grant,
            "operator": self.operator,
            "consent": self.consent,
        }
        return {
            "action": "read",
            "resource": self.resource,
            "fields": list(self.fields),
            "purpose": self.purpose,
            "channel": self.channel,
            **{key: value for key, value in stated.items() if value},
        }


PERSONAL = ("id_no", "marital_status")
CALLS: Mapping[str, MatrixCall] = {
    "a grant covers it": MatrixCall(
        client="SYS-HCB-PRH", resource="R08", fields=PERSONAL, outcome="allow", clause="HB-a18-01"
    ),
    "a grant that is named": MatrixCall(
        client="SYS-HCB-PRH",
        resource="R08",
        fields=PERSONAL,
        grant="G01",
        outcome="allow",
        clause="HB-a18-01",
    ),
    "an item and an operator": MatrixCall(
        client="SYS-HCB-PRH",
        resource="R08",
        fields=PERSONAL,
        item="440100-01",
        operator="P-4711",
        outcome="allow",
        clause="HB-a18-01",
    ),
    "whatever may be had": MatrixCall(
        client="SYS-HCB-PRH", resource="R08", fields=("*",), outcome="allow", clause="HB-a18-01"
    ),
    "a field that was not granted": MatrixCall(
        client="SYS-HCB-PRH",
        resource="R08",
        fields=("id_no", "reg_date"),
        outcome="deny",
        clause="HB-a15-04",
    ),
    "a field that nobody knows": MatrixCall(
        client="SYS-HCB-PRH",
        resource="R08",
        fields=("id_no", "shoe_size"),
        outcome="deny",
        clause="HB-a10-01",
    ),
    "another purpose": MatrixCall(
        client="SYS-HCB-PRH",
        resource="R08",
        fields=PERSONAL,
        purpose="work_reference",
        outcome="deny",
        clause="HB-a18-01",
    ),
    "an empty purpose": MatrixCall(
        client="SYS-HCB-PRH",
        resource="R08",
        fields=PERSONAL,
        purpose="",
        outcome="deny",
        clause="HB-a05-02",
    ),
    "another system of the department": MatrixCall(
        client="SYS-HCB-WEB", resource="R08", fields=PERSONAL, outcome="allow", clause="HB-a18-01"
    ),
    "a department without a grant": MatrixCall(
        client="SYS-NRB-REG",
        resource="R08",
        fields=PERSONAL,
        outcome="needs_grant",
        clause="HB-a15-03",
    ),
    "the grant of another department": MatrixCall(
        client="SYS-NRB-REG",
        resource="R08",
        fields=PERSONAL,
        grant="G01",
        outcome="needs_grant",
        clause="HB-a15-03",
    ),
    "a grant that does not exist": MatrixCall(
        client="SYS-HCB-PRH",
        resource="R08",
        fields=PERSONAL,
        grant="G99",
        outcome="deny",
        clause="HB-a15-03",
    ),
    "another manner": MatrixCall(
        client="SYS-HCB-PRH",
        resource="R08",
        fields=PERSONAL,
        channel="bulk_download",
        outcome="deny",
        clause="HB-a11-01",
    ),
    "a manner that was granted": MatrixCall(
        client="SYS-EDU-ENR",
        resource="R12",
        fields=("id_no", "owner_name"),
        purpose="business_collaboration",
        channel="online_query",
        outcome="allow",
        clause="HB-a18-01",
    ),
    "online query only": MatrixCall(
        client="SYS-EDU-ENR",
        resource="R12",
        fields=("id_no", "owner_name"),
        purpose="business_collaboration",
        outcome="deny",
        clause="HB-a15-04",
    ),
    "the provider itself": MatrixCall(
        client="SYS-CAB-AID",
        resource="R08",
        fields=PERSONAL,
        outcome="needs_grant",
        clause="HB-a15-03",
    ),
    "a grant that has expired": MatrixCall(
        client="SYS-EDU-ENR",
        resource="R15",
        fields=("cert_no", "child_name"),
        purpose="business_collaboration",
        outcome="needs_grant",
        clause="HB-a15-03",
    ),
    "an authorised organisation": MatrixCall(
        client="SYS-DPF-SUB",
        resource="R17",
        fields=("id_no", "name"),
        purpose="business_collaboration",
        outcome="allow",
        clause="HB-a18-01",
    ),
    "the last call of the day": MatrixCall(
        client="SYS-DPF-SUB",
        resource="R17",
        fields=("id_no",),
        purpose="business_collaboration",
        outcome="allow",
        clause="HB-a18-01",
    ),
    "one call more than the day's": MatrixCall(
        client="SYS-DPF-SUB",
        resource="R17",
        fields=("name",),
        purpose="business_collaboration",
        outcome="deny",
        clause="HB-a15-04",
    ),
    "a company with a grant": MatrixCall(
        client="SYS-UTL-CRM",
        resource="R09",
        fields=("id_no", "name"),
        purpose="business_collaboration",
        outcome="deny",
        clause="HB-a02-02",
    ),
    "the operator of the platform": MatrixCall(
        client="SYS-OPS-MNT", resource="R08", fields=PERSONAL, outcome="deny", clause="HB-a02-02"
    ),
    "data that are not shared": MatrixCall(
        client="SYS-HCB-PRH", resource="R29", fields=("id_no",), outcome="deny", clause="NR-a14-01"
    ),
    "data that one of the texts would have negotiated": MatrixCall(
        client="SYS-HCB-PRH",
        resource="R31",
        fields=("project_code",),
        alone="henan-hebi",
        outcome="deny_negotiable",
        clause="HB-a15-06",
    ),
    "data that were negotiated under one of the texts": MatrixCall(
        client="SYS-EMG-CMD",
        resource="R31",
        fields=("project_code", "location"),
        purpose="business_collaboration",
        outcome="deny",
        clause="NR-a14-01",
    ),
    "secret data on the wrong line": MatrixCall(
        client="SYS-EMG-CMD",
        resource="R34",
        fields=("sheet_no",),
        purpose="business_collaboration",
        outcome="out_of_scope",
        clause="HB-a03-01",
    ),
    "unconditional data": MatrixCall(
        client="SYS-TRA-LIC",
        resource="R14",
        fields=("licence_no",),
        alone="hubei",
        outcome="needs_platform_authorization",
        clause="HU-a12-03",
    ),
    "a right that is suspended": MatrixCall(
        client="SYS-CAB-AID",
        resource="R16",
        fields=("id_no", "status"),
        purpose="business_collaboration",
        outcome="suspended",
        clause="NR-a27-02",
    ),
    "a copy on the platform": MatrixCall(
        client="SYS-MIB-SET",
        resource="R36",
        fields=("id_no",),
        purpose="business_collaboration",
        outcome="needs_grant",
        clause="HB-a15-03",
    ),
    "a certificate that nobody registered": MatrixCall(
        client="unregistered", resource="R08", fields=PERSONAL, outcome="deny", clause="HB-a05-04"
    ),
}
