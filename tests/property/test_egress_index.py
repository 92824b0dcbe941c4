# SPDX-License-Identifier: Apache-2.0
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from govshare_policy.egress.index import Index
from govshare_policy.egress.register import ReleasedRows, select
from govshare_policy.egress.tags import Tagger
from tests.unit.egress.egress_world import KEY, meta, person

_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("register"), st.lists(st.integers(0, 30), max_size=5)),
        st.tuples(st.just("drop"), st.lists(st.integers(0, 12), min_size=1, max_size=1)),
        st.tuples(st.sampled_from(["flush", "compact", "reopen"]), st.just([])),
    ),
    max_size=12,
)
_TEXT = st.text(min_size=6, max_size=40)


@settings(max_examples=25, deadline=None)
@given(_STEPS)
def test_an_index_answers_as_a_dictionary_would(steps: list[tuple[str, list[int]]]) -> None:
    tagger = Tagger(KEY)
    wanted: dict[str, list[tuple[int, int, int, str]]] = {}
    with tempfile.TemporaryDirectory() as directory:
        index = Index.create(Path(directory) / "ix", key=KEY)
        for number, (what, numbers) in enumerate(steps):
            if what == "register":
                rows = [person(each) for each in numbers]
                released = ReleasedRows(meta=meta(f"R-{number}"), rows=rows)
                first = index.register(released).first_row
                chosen = select(released)
                for at, value in enumerate(chosen.values):
                    place = (first + int(chosen.rows[at]), int(chosen.fields[at]))
                    entry = (*place, int(chosen.bits[at]), f"R-{number}")
                    wanted.setdefault(value, []).append(entry)
            elif what == "drop":
                index.drop(f"R-{numbers[0]}")
                wanted = {
                    value: [entry for entry in entries if entry[3] != f"R-{numbers[0]}"]
                    for value, entries in wanted.items()
                }
            elif what == "compact":
                index.compact()
            elif what == "flush":
                index._shelf.flush()
            else:
                index.close()
                index = Index.open(Path(directory) / "ix", "write", key=KEY)
        with index:
            values = [*wanted, "never released"]
            found = index.lookup(tagger.tags(values))
            names = [each.receipt_id for each in index.release_of(found.row)]
            columns = (found.query, found.row, found.field, found.surprisal)
            listed = sorted(zip(*(column.tolist() for column in columns), names, strict=True))
            assert listed == sorted(
                (at, *entry) for at, value in enumerate(wanted) for entry in wanted[value]
            )
            held = [value for value in wanted if wanted[value]]
            assert index.might_hold(tagger.quick(held)).all()


@settings(max_examples=10, deadline=None)
@given(st.lists(_TEXT, min_size=1, max_size=5))
def test_no_released_text_can_be_read_from_the_files(texts: list[str]) -> None:
    secret = [f"秘{text}密文{at}号" for at, text in enumerate(texts)]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "ix"
        with Index.create(path, key=KEY) as index:
            rows = [{"address": text} for text in secret]
            index.register(ReleasedRows(meta=meta(), rows=rows))
            before = b"".join(file.read_bytes() for file in path.iterdir())
            index.compact()
            after = b"".join(file.read_bytes() for file in path.iterdir())
        for text in secret:
            assert text.encode("utf-8", "surrogatepass") not in before + after
            assert text[:4].encode("utf-8", "surrogatepass") not in before + after
