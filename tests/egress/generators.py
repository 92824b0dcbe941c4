# SPDX-License-Identifier: Apache-2.0
"""Invented administrative records, from four generators that share no word list and no layout."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from random import Random

Row = dict[str, str]
Generator = Callable[[Random], Row]

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"

_FAMILY_A = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
_GIVEN_A = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建国志文斌春梅晓东海燕云峰"
_ROADS_A = (
    "文化路",
    "人民路",
    "建设街",
    "黄池大道",
    "幸福路",
    "东风街",
    "工业大道",
    "解放路",
    "健康路",
)
_PLACES_A = ("封丘县城关镇", "封丘县黄陵镇", "延津县石婆固镇", "延津县丰庄镇", "原阳县福宁集镇")
_TRADES_A = ("商贸", "建筑工程", "农业发展", "电子科技", "物流", "餐饮管理", "机械制造")
_MARITAL = ("未婚", "已婚", "离异", "丧偶")

_FAMILY_B = (
    "欧阳|司马|上官|诸葛|尹|黎|易|常|武|乔|贺|赖|龚|文|庞|樊|兰|殷|施|陶|洪|翟|安|颜|倪|严|牛"
)
_GIVEN_B = (
    "子涵|欣怡|梓轩|浩然|雨桐|诗涵|俊杰|思远|若曦|宇航|佳怡|一诺|嘉豪|语嫣|致远|晨曦|博文|雅静|"
    "天佑|立新|保国|金凤|淑贞|振华|玉梅|德胜|水生|长根|秋菊|冬梅|桂花|荣|琛|璐|琦|瑶|彬|翔|鹏"
)
_TOWNS_B = ("安源区凤凰街", "湘东区峡山口街", "芦溪县上埠镇", "上栗县桐木镇", "莲花县琴亭镇")
_LANES_B = ("跃进北路", "滨河东路", "萍安大道", "凯旋路", "楚萍路", "昭萍西路", "武功山大道")
_ESTATES_B = ("丹江花园", "金典城", "润达国际", "御景湾", "阳光小区", "锦绣江南")
_SEATS_D = (
    ("云南省", "532901", "大理市喜洲镇", ("周城村委会", "庆洞村委会", "仁里邑村")),
    ("云南省", "532932", "鹤庆县草海镇", ("新华村", "母屯村民委员会", "罗伟邑村")),
    ("新疆维吾尔自治区", "653101", "喀什市荒地乡", ("阿亚格曼干村", "托万克墩村", "英买里村")),
    ("新疆维吾尔自治区", "654022", "察布查尔锡伯自治县孙扎齐牛录镇", ("孙扎齐牛录村", "雀尔盘村")),
)
_CARS_D = {"云南省": "云L", "新疆维吾尔自治区": "新Q"}
_GIVEN_D = (
    *("买买提", "阿卜杜拉", "吐尔逊", "艾力", "古丽娜尔", "阿依古丽", "麦麦提敏", "热依汗"),
    *("努尔兰", "帕提古丽", "玉素甫", "依明", "木合塔尔", "沙吾列提", "加娜尔", "叶尔江"),
)
_GOODS_C = ("化工", "纺织", "冷链", "园林", "新能源", "印刷", "医疗器械", "水产", "陶瓷", "环保")


def check_identity(body: str) -> str:
    """Return the 17 digits *body* with their check digit."""
    total = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def identity(random: Random, area: str, born: date) -> str:
    return check_identity(f"{area}{born:%Y%m%d}{random.randrange(1, 999):03}")


def uscc(random: Random, area: str) -> str:
    """Return a unified social credit code (GB 32100-2015) with its check character."""
    body = "91" + area + "".join(random.choices(_USCC, k=9))
    total = sum(_USCC.index(sign) * pow(3, place, 31) for place, sign in enumerate(body))
    return body + _USCC[-total % 31]


def day(random: Random, first: int, last: int) -> date:
    return date(first, 1, 1) + timedelta(days=random.randrange((last - first) * 365))


def phone(random: Random, prefixes: Sequence[str]) -> str:
    return random.choice(prefixes) + f"{random.randrange(10**8):08}"


def household(random: Random) -> Row:
    """Return a person of a county in Henan: short names, house numbers, yuan and fen."""
    born = day(random, 1940, 2005)
    name = random.choice(_FAMILY_A) + "".join(random.choices(_GIVEN_A, k=random.choice((1, 2, 2))))
    stem = "".join(random.choices(_GIVEN_A, k=2))
    company = f"河南{stem}{random.choice(_TRADES_A)}有限公司"
    place = f"河南省新乡市{random.choice(_PLACES_A)}{random.choice(_ROADS_A)}"
    return {
        "id_no": identity(random, random.choice(("410727", "410726", "410725")), born),
        "name": name,
        "phone": phone(random, ("138", "139", "150", "159", "187", "176")),
        "birth_date": born.isoformat(),
        "address": f"{place}{random.randrange(1, 999)}号{random.randrange(1, 40)}室",
        "company": company,
        "amount": f"{random.randrange(100_000, 90_000_000) / 100:.2f}",
        "marital_status": random.choice(_MARITAL),
    }


def insured(random: Random) -> Row:
    """Return an insured person in Jiangxi: other words, other order, other forms of values."""
    born = day(random, 1935, 2010)
    name = random.choice(_FAMILY_B.split("|")) + random.choice(_GIVEN_B.split("|"))
    street = f"江西省萍乡市{random.choice(_TOWNS_B)}{random.choice(_LANES_B)}"
    home = f"{random.choice(_ESTATES_B)}{random.randrange(1, 60)}栋{random.randrange(101, 2999)}"
    return {
        "参保人": name,
        "联系电话": phone(random, ("133", "189", "199", "158", "136")),
        "住址": street + home,
        "出生日期": f"{born.year}年{born.month}月{born.day}日",
        "证件号码": identity(random, random.choice(("360302", "360313", "360321")), born),
        "缴费基数": f"{random.randrange(300_000, 30_000_000) / 100:,.2f}",
        "银行账号": "6228" + f"{random.randrange(10**15):015}",
        "参保状态": random.choice(("正常", "停保")),
    }


def enterprise(random: Random) -> Row:
    """Return an enterprise: code, name, legal person, capital, address, date and plate."""
    founded = day(random, 1990, 2025)
    stem = "".join(chr(random.randrange(0x5200, 0x5900)) for _ in range(3))
    legal = random.choice("金魏姜戚谭廖熊邹孟秦阎薛侯雷") + chr(random.randrange(0x6700, 0x6F00))
    plate = "鄂" + random.choice("ABCDE") + "".join(random.choices("ABCDEFGHJK0123456789", k=5))
    return {
        "uscc": uscc(random, "420106"),
        "corp": f"湖北{stem}{random.choice(_GOODS_C)}股份有限公司",
        "legal_rep": legal,
        "capital": f"{random.randrange(100_000, 99_000_000)}",
        "site": f"武汉市洪山区珞喻路{random.randrange(1, 2000)}号{random.randrange(1, 30)}层",
        "founded": founded.strftime("%Y/%m/%d"),
        "licence": f"XK{random.randrange(10**10):010}",
        "plate": plate,
        "mobile": phone(random, ("135", "137", "151", "188")),
    }


def villager(random: Random) -> Row:
    """Return a rural household in Yunnan or Xinjiang: village groups, a parcel, a pupil, a car."""
    born = day(random, 1938, 2006)
    province, code, seat, villages = random.choice(_SEATS_D)
    place = f"{random.choice(villages)}{random.choice('一二三四五六七八九')}组"
    pupil = identity(random, code, day(random, 2008, 2018))
    car = _CARS_D[province] + "".join(random.choices("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ", k=5))
    parcel = f"{code}{random.randrange(100, 120)}{random.randrange(200, 240)}JC"
    return {
        "户主": _name_d(random, province),
        "公民身份号码": identity(random, code, born),
        "出生年月日": f"{born:%Y.%m.%d}",
        "民族": random.choice(("汉族", "白族", "彝族", "维吾尔族", "哈萨克族", "傣族")),
        "家庭住址": f"{province}{seat}{place}{random.randrange(1, 180)}号",
        "不动产单元号": f"{parcel}{random.randrange(10**5):05}F{random.randrange(10**8):08}",
        "号牌号码": car,
        "学籍号": f"G{pupil}",
        "补贴金额(元)": f"{random.randrange(20_000, 4_000_000) / 100:.2f}",
        "手机": phone(random, ("130", "147", "178", "182", "195")),
    }


def _name_d(random: Random, province: str) -> str:
    if province.startswith("新疆") and random.random() < 0.7:
        return f"{random.choice(_GIVEN_D)}·{random.choice(_GIVEN_D)}"
    return random.choice("段和木刀岩普杞阿罕沙玉召那") + "".join(
        random.choices("春学金有福正光成荣美珍凤仙顺应贵", k=random.choice((1, 2, 2)))
    )


GENERATORS: dict[str, Generator] = {
    "household": household,
    "insured": insured,
    "enterprise": enterprise,
    "villager": villager,
}


def rows(generator: Generator, count: int, *, seed: int) -> list[Row]:
    """Return *count* records; seeds that differ modulo 4 share no identity number.

    The numbers of a few counties are so few that generated people would meet otherwise.
    """
    random = Random(f"{generator.__name__}{seed}")  # noqa: S311 - invented data
    out: list[Row] = []
    while len(out) < count:
        row = generator(random)
        number = row.get("id_no") or row.get("证件号码") or row.get("公民身份号码")
        number = number or f"{seed % 4:017}X"
        if int(number[14:17]) % 4 == seed % 4:
            out.append(row)
    return out
