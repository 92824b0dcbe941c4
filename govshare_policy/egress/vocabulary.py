# SPDX-License-Identifier: Apache-2.0
"""Words that fill columns of government tables and single out nobody; surnames, which do.

Written in the folded form of :func:`govshare_policy.egress.folding.fold`.
"""

from typing import Final

from govshare_policy.egress.folding import fold


def _split(words: str) -> list[str]:
    return [fold(word) for word in words.split()]


_NATIONS: Final = (
    "汉 蒙古 回 藏 维吾尔 苗 彝 壮 布依 朝鲜 满 侗 瑶 白 土家 哈尼 哈萨克 傣 黎 傈僳 佤 "
    "畲 高山 拉祜 水 东乡 纳西 景颇 柯尔克孜 土 达斡尔 仫佬 羌 布朗 撒拉 毛南 仡佬 锡伯 "
    "阿昌 普米 塔吉克 怒 乌孜别克 俄罗斯 鄂温克 德昂 保安 裕固 京 塔塔尔 独龙 鄂伦春 赫哲 "
    "门巴 珞巴 基诺"
)
_WORDS: Final = (
    "男 女 男性 女性 未知 未说明 是 否 有 无 真 假 正常 异常 有效 无效 注销 在用 停用 "
    "启用 禁用 未婚 已婚 离异 离婚 丧偶 初婚 再婚 复婚 小学 初中 高中 中专 大专 专科 本科 "
    "硕士 博士 研究生 文盲 半文盲 大学本科 大学专科 初级中学 高级中学 中等专科 群众 党员 "
    "团员 中共党员 共青团员 预备党员 民主党派 农业 非农业 城镇 农村 居民 户主 配偶 子女 "
    "父母 本人 在职 退休 离休 失业 就业 在校 在读 毕业 肄业 结业 通过 不通过 同意 不同意 "
    "合格 不合格 待审 待审核 审核中 已审核 已通过 已驳回 已办结 办结 受理 已受理 未受理 "
    "已登记 已注册 已注销 已吊销 存续 在业 开业 停业 迁入 迁出 死亡 健康 良好 一般 较好 "
    "较差 优秀 及格 不及格 单位 个人 企业 其他 其它 暂无 不详 公司 个体 国有 集体 民营 "
    "私营 外资 合资 常住 暂住 流动 全日制 非全日制 脱产 业余 函授 参保 未参保 正常参保 "
    "中断 中断缴费 已缴费 未缴费 缴费 欠费 免缴 低保 低保户 特困 五保户 贫困户 脱贫户 "
    "商品房 公租房 廉租房 住宅 商业 办公 工业 仓储 抵押 查封 冻结 解除 完税 未完税 身份证 "
    "居民身份证 户口簿 护照 军官证 港澳通行证 中国 中华人民共和国 河南 河南省 江西 江西省 "
    "湖北 湖北省 新乡市 萍乡市 鹤壁市 武汉市 郑州市 封丘县 延津县 北京 北京市 上海 上海市 "
    "天津 天津市 重庆 重庆市 广东省 江苏省 浙江省 山东省 四川省 安徽省 湖南省 福建省 "
    "广州市 深圳市 汉语 普通话 阳性 阴性 甲级 乙级 丙级 一级 二级 三级 四级 五级 高级 "
    "中级 初级 安全 平安 元 人民币 万元 天 月 年 人 户 次 true false yes no null none nan "
    "n/a na male female unknown active inactive enabled disabled success failed"
)
COMMON: Final = frozenset(
    word for word in (*_split(_WORDS), *_split(_NATIONS), *(n + "族" for n in _split(_NATIONS)))
)
"""Values that are never kept, however few rows a release has."""

SURNAMES: Final = frozenset(
    fold(
        "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
        "苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史"
        "顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛"
        "伍韦申尤毕聂丛焦向柳邢路岳齐沿梅莫庄辛管祝左涂谷祁时舒耿牟卜路詹关苗凌费纪靳盛童"
        "欧甄项曲成游阳裴席卫查屈鲍位覃霍翁隋植甘景薄单包司柏宁柯阮桂闵解强柴华车冉房边辜"
        "吉饶刁瞿戚丘古米池滕晋苑邬臧畅宫来缪苟全褚廉简娄盖符奚木穆党燕郎邸冀谈姬屠连郜晏"
        "栾郁商蒙计喻揭窦迟宇敖糜鄢冷卓花仇艾蓝都巩稽井练仲乐虞卞封竺冼原官衣楚佟栗匡宗应"
        "台巫鞠僧桑荆谌银扬明沙薄伏岑习胥保和蔺肖闫代付候"
    )
)
COMPOUND_SURNAMES: Final = frozenset(
    _split(
        "欧阳 上官 司马 诸葛 夏侯 皇甫 尉迟 公孙 慕容 令狐 "
        "司徒 东方 独孤 南宫 端木 长孙 宇文 轩辕 闻人 呼延"
    )
)
ORGANISATIONS: Final = tuple(
    _split(
        "公司 集团 合作社 工厂 厂 商店 店 中心 学校 小学 中学 大学 医院 协会 "
        "银行 支行 事务所 经营部 农场 村 组 号 室"
    )
)
"""How names of bodies and addresses end."""

LEGAL_FORMS: Final = tuple(
    _split(
        "公司 有限责任 有限 股份 集团 合作社 专业 工厂 商店 中心 学校 小学 中学 大学 医院 协会 "
        "支行 银行 事务所 经营部 农场"
    )
)
"""What the name of a body ends with besides its own words, from the last on."""
