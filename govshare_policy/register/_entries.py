# SPDX-License-Identifier: Apache-2.0
"""Build a catalogue entry from its row."""

from collections.abc import Container

from govshare_policy.register import model
from govshare_policy.register._items import item_shares_of
from govshare_policy.register._table import Row


def entry_of(row: Row, ident: str, departments: Container[str]) -> model.CatalogueEntry:
    """Return the entry in *row*, of which a provider in *departments* is asked.

    Raises:
        FactError: If a code, a list, a flag, a date or a department is wrong.
    """
    scope = row.codes("share_scope")
    for department in scope:
        if department != "ALL":
            row.known("share_scope", department, departments, "department")
    verified_by = row.text("basis_verified_by")
    if verified_by:
        row.known("basis_verified_by", verified_by, departments, "department")
    row.one_of("legal_basis_level", model.BASIS_LEVELS, empty=True)
    row.one_of("category", model.CATEGORIES, empty=True)
    row.one_of("item_class", model.ITEM_CLASSES, empty=True)
    subject = row.text("subject")
    if subject:
        row.known("subject", subject, row.codes("items", ",|"), "item of the entry")
    for column in ("secrecy_review", "updated_on", "filed_on", "review_requested_on"):
        row.day_or_none(column)
    return model.CatalogueEntry(
        id=ident,
        name_zh=row.text("name_zh"),
        name_en=row.text("name_en"),
        provider=row.known("provider", row.code("provider"), departments, "department"),
        share_type=row.one_of("share_type", model.SHARE_TYPES, empty=True),
        share_scope=scope,
        purposes=row.codes("purposes"),
        share_method=row.codes("share_method"),
        parameter_controlled=row.flag("parameter_controlled", empty=True),
        items=row.codes("items", ",|"),
        is_secret=row.flag("is_secret", empty=True),
        classification=row.text("classification"),
        usage_requirements=row.text("usage_requirements"),
        item_shares=item_shares_of(row),
        subject=subject,
        more={key: value for key, value in row.cells.items() if value},
    )
