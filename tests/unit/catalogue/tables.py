# SPDX-License-Identifier: Apache-2.0
"""Small tables as people make them: texts with bars for tabs, and workbooks."""

from collections.abc import Sequence
from pathlib import Path

from openpyxl import Workbook

DEPARTMENTS = """\
dept_id|name_zh|name_en|subject_type
D-A|甲局|Bureau A|gov_department
D-B|乙局|Bureau B|gov_department
D-C|丙局|Bureau C|gov_department
D-D|丙局|Bureau D|gov_department
D-E||Bureau E|gov_department
"""
HEADER = (
    "信息资源代码",
    "信息资源名称",
    "提供方",
    "共享类型",
    "共享条件",
    "共享范围",
    "用途",
    "共享方式",
    "依据层级",
    "依据",
    "是否需管控参数",
    "更新周期",
    "格式",
    "信息项",
    "是否涉密",
    "更新日期",
)
ROW = (
    "3990201/000001",
    "婚姻登记信息",
    "甲局",
    "有条件共享",
    "按身份证号逐条核验",
    "乙局、D-A",
    "数据校核，业务协同",
    "接口；批量下载",
    "行政法规",
    "婚姻登记条例",
    "否",
    "实时",
    "服务接口",
    "id_no、name",
    "否",
    "2025-06-20",
)


def with_cell(header: str, value: str) -> tuple[str, ...]:
    """Return the row of the sample with another cell below *header*."""
    return tuple(value if name == header else cell for name, cell in zip(HEADER, ROW, strict=True))


def tsv(text: str) -> bytes:
    """Return *text* as bytes; bars stand for tabs."""
    return text.replace("|", "\t").encode()


def write_departments(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "departments.tsv").write_bytes(tsv(DEPARTMENTS))
    return directory


def write_csv(path: Path, rows: Sequence[Sequence[str]], encoding: str = "utf-8") -> Path:
    lines = (",".join(f'"{cell}"' for cell in row) for row in rows)
    path.write_bytes("\r\n".join(lines).encode(encoding) + b"\r\n")
    return path


def write_xlsx(path: Path, rows: Sequence[Sequence[object]], *sheets: str) -> Path:
    """Write a workbook whose first sheet holds *rows*; *sheets* are more, all empty."""
    book = Workbook()
    assert book.active is not None
    book.active.title = "目录"
    for row in rows:
        book.active.append(list(row))
    for title in sheets:
        book.create_sheet(title)
    book.save(path)
    return path
