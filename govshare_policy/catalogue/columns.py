# SPDX-License-Identifier: Apache-2.0
"""The columns of a catalogue: what people call them, and the words they fill them with."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

# Column to its names: English, Chinese, and the other headers that an import knows it by. The
# order is the order of ``resources.tsv``.
_NAMES: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    "resource_id": ("resource id", "资源标识", ("资源编号", "目录编号")),
    "resource_code": ("resource code", "信息资源代码", ("资源代码", "信息资源编码")),
    "name_zh": ("name", "信息资源名称", ("名称", "资源名称", "目录名称", "数据目录名称")),
    "name_en": ("English name", "英文名称", ()),
    "provider": (
        "provider",
        "提供方",
        ("信息资源提供方", "提供部门", "提供单位", "责任方"),
    ),
    "category": ("class", "信息资源分类", ("分类", "资源分类", "资源类型", "类型")),
    "base_or_theme": ("base or theme", "所属基础库或主题", ("基础库或主题",)),
    "item_class": ("class of items", "信息项类别", ()),
    "share_type": ("share type", "共享类型", ("共享属性",)),
    "share_condition": ("share condition", "共享条件", ()),
    "share_scope": ("share scope", "共享范围", ()),
    "purposes": ("purpose of use", "使用用途", ("用途", "共享用途")),
    "share_method": ("share method", "共享方式", ()),
    "legal_basis_level": ("level of the legal basis", "依据层级", ("依据级别",)),
    "legal_basis_ref": (
        "legal basis",
        "依据",
        ("法律依据", "政策依据", "不予共享依据"),
    ),
    "parameter_controlled": ("parameter control", "是否需管控参数", ("需管控参数",)),
    "update_cycle": ("update limit", "更新周期", ("更新时限", "更新频率", "数据更新频率")),
    "format": ("format", "信息资源格式", ("格式", "资源格式", "数据格式")),
    "items": ("items", "信息项", ("信息项名称", "数据项")),
    "is_secret": ("state secret", "是否涉密", ("涉密",)),
    "source": ("source", "数据来源", ("来源",)),
    "usage_requirements": ("usage requirements", "使用要求", ("使用条件",)),
    "reason": ("reason for not sharing", "不予共享理由", ("理由",)),
    "basis_verified_by": ("who verified the basis", "依据核定单位", ("核定单位",)),
    "secrecy_review": ("date of the secrecy review", "保密审查日期", ("保密审查",)),
    "classification": ("grade", "数据分类分级", ("分类分级", "数据分级")),
    "fee": ("fee", "收费", ("费用", "收费标准")),
    "upstream": ("upstream resource", "来源资源", ("上游资源",)),
    "updated_on": ("date of the last update", "目录更新日期", ("更新日期",)),
    "filed_on": ("filing date", "备案日期", ()),
    "review_requested_on": ("date the review was requested", "送审日期", ()),
    "item_share_types": (
        "share types of items",
        "信息项共享类型",
        ("信息项共享属性", "数据项共享属性"),
    ),
    "note": ("note", "备注", ()),
}
COLUMNS: Final = tuple(_NAMES)
# Columns of ``departments.tsv`` that a lint may speak of.
BODY_LABELS: Final[Mapping[str, tuple[str, str]]] = {
    "head_post": ("head, who is first responsible", "主要负责人（第一责任人）职务"),
    "deputy_post": ("leader in charge of sharing", "分管负责人职务"),
    "sharing_unit": ("unit that does the work of sharing", "承担共享工作的机构"),
}
LABELS: Final[Mapping[str, tuple[str, str]]] = {
    column: (english, chinese) for column, (english, chinese, _) in _NAMES.items()
} | dict(BODY_LABELS)
# What an import has to be given. An id may be missing: the resource code then serves as one.
REQUIRED: Final = (
    "name_zh",
    "provider",
    "share_type",
    "share_method",
    "parameter_controlled",
    "items",
    "is_secret",
)
DATES: Final = ("secrecy_review", "updated_on", "filed_on", "review_requested_on")
LISTS: Final = ("share_scope", "purposes", "share_method", "items")

_YES_NO: Final = {"是": "Y", "否": "N", "有": "Y", "无": "N", "y": "Y", "n": "N"}
# Words that an import turns into codes. Where a column is not named here, or an open list has
# another word, the word stays as it is.
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "category": {
        "基础": "basic",
        "基础类": "basic",
        "基础信息资源": "basic",
        "主题": "theme",
        "主题类": "theme",
        "主题信息资源": "theme",
        "部门": "department",
        "部门类": "department",
        "部门信息资源": "department",
    },
    "base_or_theme": {
        "人口": "population",
        "法人单位": "legal_entity",
        "法人": "legal_entity",
        "自然资源和空间地理": "natural_resources_geo",
        "电子证照": "e_licence",
        "社会信用": "social_credit",
    },
    "item_class": {"基础信息项": "basic_item", "业务信息项": "business_item"},
    "share_type": {
        "1": "unconditional",
        "无条件共享": "unconditional",
        "无条件": "unconditional",
        "2": "conditional",
        "有条件共享": "conditional",
        "有条件": "conditional",
        "3": "non_share",
        "不予共享": "non_share",
    },
    "share_scope": {"全部": "ALL", "所有政务部门": "ALL", "全部政务部门": "ALL", "all": "ALL"},
    "purposes": {
        "行政依据": "admin_basis",
        "工作参考": "work_reference",
        "数据校核": "data_verification",
        "业务协同": "business_collaboration",
    },
    "share_method": {
        "接口": "api",
        "数据接口": "api",
        "服务接口": "api",
        "联机查询": "online_query",
        "批量下载": "bulk_download",
        "批量交换": "bulk_exchange",
        "文件下载": "file_download",
        "前置机": "front_end_server",
        "前置机共享": "front_end_server",
        "系统对接": "system_integration",
    },
    "legal_basis_level": {
        "法律": "law",
        "行政法规": "admin_regulation",
        "国务院决定": "state_council_decision",
        "党中央、国务院政策": "central_policy",
        "党中央政策": "central_policy",
        "国务院政策": "central_policy",
        "部门规章": "ministry_rule",
        "部委规章": "ministry_rule",
        "地方性法规": "local_regulation",
        "地方政府规章": "local_rule",
        "政策": "policy",
        "内部通知": "internal_notice",
    },
    "parameter_controlled": _YES_NO,
    "is_secret": _YES_NO,
    "source": {"自有": "own", "本部门": "own", "平台副本": "platform_copy"},
    "classification": {
        "一般": "general",
        "敏感": "sensitive",
        "受限": "restricted",
        "国家秘密": "state_secret",
        "工作秘密": "work_secret",
    },
}


def spelling(header: str) -> str:
    """Return *header* without what people spell differently: case, spaces, width of letters."""
    return re.sub(r"[\s_]+", "", unicodedata.normalize("NFKC", header)).casefold()


HEADERS: Final[Mapping[str, str]] = {
    spelling(name): column
    for column, (english, chinese, others) in _NAMES.items()
    for name in (column, english, chinese, *others)
}


def column_of(header: str) -> str | None:
    """Return the column that *header* names, if it names one."""
    return HEADERS.get(spelling(header))


def word_of(column: str, code: str) -> str:
    """Return the Chinese word for *code* in *column*; the code itself where there is none."""
    words = [word for word, meant in WORDS.get(column, {}).items() if meant == code]
    return max(words, key=len, default=code)
