from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_folders import COLUMNS, listing, npy, row, write_raw

from memr_cli.corpora.corpus import Corpus
from memr_cli.corpora.coursework import LAYOUT
from memr_cli.corpora.listing import read_listing
from memr_cli.errors import InputError


def corpus_of(raw: Path, content: str | bytes, class_names: list[str] | None = None) -> Corpus:
    raw.mkdir(exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    (raw / "dataset.csv").write_bytes(data)
    return LAYOUT.read(raw, class_names)


def refusal_of(raw: Path, content: str | bytes, class_names: list[str] | None = None) -> str:
    with pytest.raises(InputError) as caught:
        corpus_of(raw, content, class_names)
    assert caught.value.exit_code == 3
    return str(caught.value)


def test_columns_and_values_may_carry_spaces(tmp_path: Path) -> None:
    corpus = corpus_of(
        tmp_path,
        " file_name_list , speakers, visual features,acoustic_features ,lexical_features,"
        " emotion_labels\n  a , F01,  , /features/a b.npy ,,  2 \n",
    )
    (utterance,) = corpus.utterances
    assert (utterance.id, utterance.speaker, utterance.label) == ("a", "F01", 2)
    assert utterance.features == {"acoustic": "/features/a b.npy"}
    assert corpus.layout == "coursework"


def test_empty_paths_are_missing_and_empty_labels_unlabelled(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, listing([row("a", visual="/v.npy"), row("b", label="")]))
    assert [utterance.features for utterance in corpus.utterances] == [{"visual": "/v.npy"}, {}]
    assert [utterance.label for utterance in corpus.utterances] == [0, None]


@pytest.mark.parametrize(
    ("identity", "session", "dialogue"),
    [
        ("Ses01F_impro01_F001", "1", "Ses01F_impro01"),
        ("Ses04M_script02_2_M013", "4", "Ses04M_script02_2"),
        ("Ses05F_script01_1b_F000", "5", "Ses05F_script01_1b"),
        ("Ses03M_impro05a_MXX1", "3", "Ses03M_impro05a"),
        ("Ses12F_impro08_M020", "12", "Ses12F_impro08"),
        ("03bSnISJMiM_1", None, None),
        ("Ses01F_impro01", None, None),
        ("xSes01F_impro01_F001", None, None),
    ],
)
def test_session_and_dialogue_come_from_iemocap_ids(
    tmp_path: Path, identity: str, session: str | None, dialogue: str | None
) -> None:
    (utterance,) = corpus_of(tmp_path, listing([row(identity)])).utterances
    assert (utterance.session, utterance.dialogue, utterance.turn) == (session, dialogue, None)


def test_optional_columns_go_before_the_id(tmp_path: Path) -> None:
    columns = (*COLUMNS, "session", "dialogue", "turn", "split")
    rows = [
        row("Ses01F_impro01_F001", session="day 1", dialogue="lunch", turn="3.0", split="test"),
        row("Ses01F_impro01_F002"),
    ]
    first, second = corpus_of(tmp_path, listing(rows, columns)).utterances
    assert (first.session, first.dialogue, first.turn, first.split) == ("day 1", "lunch", 3, "test")
    # A column that is used at all says all there is to say.
    assert (second.session, second.dialogue, second.turn, second.split) == (None, None, None, None)


def test_an_optional_column_without_values_is_as_good_as_absent(tmp_path: Path) -> None:
    text = listing([row("Ses01F_impro01_F001")], (*COLUMNS, "session", "dialogue"))
    (utterance,) = corpus_of(tmp_path, text).utterances
    assert (utterance.session, utterance.dialogue) == ("1", "Ses01F_impro01")


def test_other_columns_are_left_alone(tmp_path: Path) -> None:
    columns = ("", *COLUMNS, "", "valence")
    (utterance,) = corpus_of(tmp_path, listing([row("a", valence="2.5")], columns)).utterances
    assert utterance.id == "a"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_byte_order_mark_blank_lines_and_any_line_ends_are_read(
    tmp_path: Path, newline: str
) -> None:
    text = "\n" + listing([row("a"), row("b")]).replace("\nb", "\n\nb") + "\n"
    corpus = corpus_of(tmp_path, b"\xef\xbb\xbf" + text.replace("\n", newline).encode())
    assert [utterance.id for utterance in corpus.utterances] == ["a", "b"]


def test_a_folder_that_is_marked_is_synthetic(tmp_path: Path) -> None:
    assert not corpus_of(tmp_path, listing([row("a")])).synthetic
    (tmp_path / "SYNTHETIC.txt").touch()
    assert corpus_of(tmp_path, listing([row("a")])).synthetic


def test_where_both_lie_the_folder_is_read_and_a_note_says_so(tmp_path: Path) -> None:
    rows = [row("a", visual="/features/a.npy")]
    write_raw(tmp_path, rows, {"features/a.npy": npy([2.0])}, zipped=True)
    assert LAYOUT.read(tmp_path, None).notes == ()
    write_raw(tmp_path, rows, {"features/a.npy": npy([1.0])})
    corpus = LAYOUT.read(tmp_path, None)
    assert corpus.source.blob("/features/a.npy").read() == npy([1.0])
    (note,) = corpus.notes
    assert "the folder is read, not the zip" in note


class TestRefusals:
    def test_raw_is_missing_or_of_another_kind(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        for raw, found in (("none", "does not exist"), ("file", "is not a folder"), ("", "holds")):
            with pytest.raises(InputError, match=found) as caught:
                LAYOUT.read(tmp_path / raw, None)
            assert "dataset.csv beside features/ or features.zip" in str(caught.value)

    def test_an_empty_csv(self, tmp_path: Path) -> None:
        for content in ("", "\n\n", b"\xef\xbb\xbf"):
            assert "is empty. Its first line names the columns" in refusal_of(tmp_path, content)

    def test_a_csv_without_rows(self, tmp_path: Path) -> None:
        assert "has a header but no rows" in refusal_of(tmp_path, listing([]))

    def test_a_csv_that_is_not_utf8(self, tmp_path: Path) -> None:
        content = listing([row("a"), row("Zoë")]).encode("latin-1")
        position = content.index(b"\xeb")
        message = refusal_of(tmp_path, content)
        assert f"line 3 is not UTF-8: byte {position} of the file (from 0) is 0xeb" in message
        marked = refusal_of(tmp_path, b"\xef\xbb\xbf" + content)
        assert f"byte {position + 3} of the file" in marked

    def test_a_missing_column_names_those_found(self, tmp_path: Path) -> None:
        message = refusal_of(tmp_path, "file_name_list,speaker\na,F01\n")
        assert "line 1 names no columns speakers, visual_features" in message
        assert "it names 'file_name_list', 'speaker'" in message

    def test_other_separators_are_recognised(self, tmp_path: Path) -> None:
        message = refusal_of(tmp_path, listing([row("a")]).replace(",", ";"))
        assert "Separate the fields by commas" in message

    def test_a_column_named_twice(self, tmp_path: Path) -> None:
        for column in ("speakers", "turn"):
            text = listing([row("a")], (*COLUMNS, "turn")).replace("\n", f",{column}\n", 1)
            message = refusal_of(tmp_path, text.replace("\na", "\n1,a"))
            assert f"names the column {column} more than once" in message

    def test_a_duplicate_id_names_both_lines(self, tmp_path: Path) -> None:
        rows = [row("a"), row("b"), row("c"), row("b", speaker="M01")]
        message = refusal_of(tmp_path, listing(rows))
        assert "line 5: utterance 'b' is on line 3 already" in message

    def test_lines_count_fields_that_span_lines(self, tmp_path: Path) -> None:
        rows = [row("a", note="one\ntwo\nthree"), row("b"), row("a")]
        message = refusal_of(tmp_path, listing(rows, (*COLUMNS, "note")))
        assert "line 6: utterance 'a' is on line 2 already" in message

    def test_rows_of_another_length(self, tmp_path: Path) -> None:
        text = listing([row("a")])
        assert "line 3 has 2 fields; the header names 6 columns" in refusal_of(
            tmp_path, text + "b,F01\n"
        )
        assert "line 3 has 7 fields" in refusal_of(tmp_path, text + "b,F01,,,,0,\n")

    def test_a_quote_that_is_never_closed(self, tmp_path: Path) -> None:
        text = listing([row("a")]) + '"b,F01,,,,0\nc,F01,,,,0\n'
        assert "line 3 is not csv" in refusal_of(tmp_path, text)

    @pytest.mark.parametrize(
        ("fields", "column"), [((" ", "F01"), "file_name_list"), (("b", " "), "speakers")]
    )
    def test_an_empty_id_or_speaker(
        self, tmp_path: Path, fields: tuple[str, str], column: str
    ) -> None:
        message = refusal_of(tmp_path, listing([row("a"), row(*fields)]))
        assert f"line 3: the column {column} is empty" in message

    @pytest.mark.parametrize("name", ["a\0b", "a\tb", "x" * 1025, "é" * 600])
    def test_an_id_that_no_store_takes(self, tmp_path: Path, name: str) -> None:
        assert "line 2: the column file_name_list" in refusal_of(tmp_path, listing([row(name)]))

    @pytest.mark.parametrize("turn", ["first", "-1", "1.5", "3000000000"])
    def test_a_turn_that_is_no_count(self, tmp_path: Path, turn: str) -> None:
        text = listing([row("a", turn=turn)], (*COLUMNS, "turn"))
        assert f"line 2: turn {turn!r} is not an integer" in refusal_of(tmp_path, text)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_table_or_a_named_refusal(content: bytes) -> None:
    try:
        table = read_listing(Path("dataset.csv"), content, ())
    except InputError:
        return
    assert len(table.lines)
