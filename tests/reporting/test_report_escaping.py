import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memr_cli.reporting.escaping import Raw, code_block, image_text, latex, markdown

HOSTILE = st.text(st.sampled_from("\\{}$&#%_^~<>|\"`[]'-*().!:@/+=1a é\n\t±")) | st.text()


@given(HOSTILE)
def test_no_latex_command_or_delimiter_survives(text: str) -> None:
    escaped = latex(text)
    # Take away what the escaping itself puts in; nothing with a meaning may remain.
    rest = re.sub(r"\\text[a-z]+\{\}|\\dots\{\}|\\ensuremath\{(\\pm|-)\}|\\,", "", escaped)
    rest = re.sub(r"\\[{}$&#%_]|-\{\}|\{[`\[*]\}", "", rest)
    rest = rest.replace("~", " ") if "\N{NO-BREAK SPACE}" in text else rest
    assert not re.search(r"[\\{}$&#%_^~<>|\"`\[\n]", rest)
    assert not escaped.lstrip().startswith("*")
    assert "--" not in escaped


@given(HOSTILE)
def test_no_markdown_or_html_survives(text: str) -> None:
    escaped = markdown(text)
    assert "\n" not in escaped
    assert not re.search(r"[\w.+-]\\?@(?!<!-- -->)", escaped)
    escaped = escaped.replace("<!-- -->", "")
    rest = re.sub(r"\\[!-/:-@\[-`{-~]", "\N{MIDDLE DOT}", escaped)
    assert not re.search(r"[\\`*_{}\[\]<>#|~$&@]|://|(?i:www)\.", rest)
    assert not re.match(r"\d+[.)](\s|$)|[-+=]|\s", escaped)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a_b & 50 %", r"a\_b \& 50 \%"),
        (r"\input{/etc/passwd}", r"\textbackslash{}input\{/etc/passwd\}"),
        ("a--b", "a-{}-b"),
        ("[2ex]", "{[}2ex]"),
        ("*starred", "{*}starred"),
        ("62.56\N{NO-BREAK SPACE}±", r"62.56~\ensuremath{\pm}"),
        ("a\nb", "a b"),
    ],
)
def test_latex(text: str, escaped: str) -> None:
    assert latex(text) == escaped


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b", r"a\|b"),
        ("a@b.org, @c", r"a\@<!-- -->b.org, \@c"),
        ("www.e.org", r"www\.e.org"),
        ("<img src=x>", r"\<img src=x\>"),
        ("1. item", r"1\. item"),
        ("- item", r"\- item"),
        ("62.56 ± 1.45", "62.56 ± 1.45"),
        ("[x](https://e.org)", r"\[x\](https\://e.org)"),
    ],
)
def test_markdown(text: str, escaped: str) -> None:
    assert markdown(text) == escaped


@given(st.text(st.sampled_from("`\n a")))
def test_nothing_ends_a_block_of_code_within_it(text: str) -> None:
    begins, *lines = code_block(text).split("\n")
    fence = begins.removesuffix("sh")
    assert set(fence) == {"`"}
    assert [number for number, line in enumerate(lines) if line.strip().startswith(fence)] == [
        len(lines) - 1
    ]


def test_the_text_of_an_image_holds_no_comment() -> None:
    assert image_text("*a@b.org*\n]") == r"\*a\@b.org\* \]"


def test_what_is_markup_already_passes_unchanged() -> None:
    assert latex(Raw("$x$")) == "$x$"
    assert markdown(Raw("**x**")) == "**x**"
