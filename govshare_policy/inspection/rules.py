# SPDX-License-Identifier: Apache-2.0
"""The rules of a log in the words of an auditor."""

from collections.abc import Mapping
from typing import Final

from govshare_policy.audit import Damage
from govshare_policy.report.words import Words

RULES: Final[Mapping[Damage, Words]] = {
    Damage.MANIFEST: Words(
        "log.json 缺失、损坏，或不是信任文件所指的日志",
        "log.json is missing, damaged, or of another log than the trust file names",
    ),
    Damage.SEGMENT: Words(
        "某一日志段缺失、不完整，或属于另一日志",
        "a segment is missing, incomplete, or of another log",
    ),
    Damage.FRAME: Words(
        "日志中有字节被改动、删去或插入",
        "bytes of the log were changed, removed or put in",
    ),
    Damage.TORN_TAIL: Words(
        "末个检查点之后有残留字节：写入中断，或末个检查点已损坏",
        "bytes follow the last checkpoint: a write broke off, or the last checkpoint is damaged",
    ),
    Damage.ORDER: Words("记录或检查点不在应有的位置", "a record or checkpoint is out of its place"),
    Damage.NOTE: Words("检查点与其所在位置不符", "a checkpoint does not fit where it stands"),
    Damage.ROOT: Words(
        "记录与所签的根不符：有记录被改动、删去或插入",
        "the records are not those that were signed: one was changed, removed or put in",
    ),
    Damage.SIGNATURE: Words(
        "检查点没有受信任公钥的有效签名",
        "a checkpoint has no good signature of a trusted key",
    ),
    Damage.CLOCK: Words("检查点的时间早于前一检查点", "a checkpoint is dated before the last one"),
    Damage.CHECKPOINT: Words(
        "checkpoint 文件缺失、损坏，或不是本日志的检查点",
        "the file checkpoint is missing, damaged, or no checkpoint of this log",
    ),
    Damage.STRAY: Words("seg 目录中有不属于日志的文件", "a file in seg is no part of a log"),
    Damage.SHORT: Words(
        "日志短于已签发的检查点：末尾被截去，或恢复自旧备份",
        "the log is shorter than a checkpoint that was signed: it was cut, or set back",
    ),
    Damage.FORK: Words(
        "与另行保存的检查点相矛盾：日志曾被改写",
        "it contradicts a checkpoint that was kept: the log was written anew",
    ),
    Damage.WITNESS: Words(
        "见证方的签名不足，或与日志相矛盾",
        "too few witnesses signed, or what they signed contradicts the log",
    ),
    Damage.DROPPED: Words(
        "某一日志段已移出，而其移出记录有误，或所问之处在该段内、须提供归档",
        "a segment was dropped and its stub is not good, or what is asked about lies in it: give "
        "an archive that has it",
    ),
}
