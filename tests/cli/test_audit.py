"""The page on bringing data: its records are read by its entries, and `audit` says what it prints."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.pool.data_sets import kind_of
from autoselection_core.pool.reading import read_record
from autoselection_core.pool.reading.spellings import ANSWERS, QUESTIONS, SYSTEMS, TURN_LISTS, role_of
from autoselection_core.store.home import Home
from tests.cli.conftest import Cli

PAGE = (Path(__file__).parents[2] / "docs/how-to/bring-your-data.md").read_text()
PAIRS = re.findall(r"```json\n([^`]*)```\n\n```yaml\n(pool:[^`]*)```", PAGE)


@pytest.mark.parametrize(("record", "entry"), PAIRS)
def test_a_record_of_the_page_is_read_by_its_entry(tmp_path: Path, record: str, entry: str) -> None:
    indented = "".join(f"    {line}\n" for line in entry.splitlines())
    file = tmp_path / "autoselection.yaml"
    file.write_text(
        f"campaigns:\n  mine:\n{indented}    signals: [word_entropy]\n"
        "    closed_form: {weights: {word_entropy: 1}}\n"
    )
    (source,) = load_campaigns(file, Home(tmp_path / "home"))["mine"].sources

    reading = read_record(json.loads(record), source.rules)

    assert kind_of(Path(source.path)) is not None
    assert reading.sample.messages[-1].content
    assert "crawl" not in reading.sample.text()


def test_the_page_has_an_entry_for_each_way_of_naming() -> None:
    assert len(PAIRS) == 7


def test_audit_says_what_the_page_prints(cli: Cli, tmp_path: Path) -> None:
    records = re.findall(r"```json\n([^`]*)```", PAGE)[0]
    (printed,) = re.findall(r"```text\n([^`]*)```", PAGE)
    (tmp_path / "asked.jsonl").write_text(records)

    code, output, _ = cli("audit", str(tmp_path / "asked.jsonl"))

    shown = re.sub(r" +", " ", output)
    assert code == 1
    for line in printed.splitlines():
        assert re.sub(r" +", " ", line) in shown


def test_the_page_names_every_known_spelling() -> None:
    for name in (*TURN_LISTS[:4], *QUESTIONS, *ANSWERS, *SYSTEMS):
        assert f"`{name}`" in PAGE
    (row,) = (line for line in PAGE.splitlines() if line.startswith("| speakers"))
    assert all(role_of(name.title()) for name in re.findall(r"`(\w+)`", row))


QUESTION = "A baker sells 12 loaves on Monday and 24 on Tuesday; how many loaves are sold in all?"
PLAIN = [{"instruction": f"Say {word}.", "output": f"{word} it is"} for word in ("one", "two", "three")]


def write(file: Path, records: Sequence[dict[str, str]]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file


@pytest.fixture
def bakery(tmp_path: Path) -> Path:
    """A folder of benchmarks with one of them."""
    items = [{"question": QUESTION.replace("12", str(n)), "answer": "36"} for n in (12, *range(40, 50))]
    write(tmp_path / "benchmarks/bakery/items.jsonl", [*items, {**items[0], "answer": "thirty-six"}])
    (tmp_path / "benchmarks/bakery/benchmark.yaml").write_text("items: items.jsonl\n")
    return tmp_path / "benchmarks"


def test_a_clean_file_has_no_findings(cli: Cli, tmp_path: Path) -> None:
    code, output, _ = cli("audit", str(write(tmp_path / "a.jsonl", PLAIN)))

    assert code == 0
    assert "3 records = 3 samples" in output
    assert "Alpaca" in output


def test_questions_duplicates_and_lengths_are_told_without_any_text(
    cli: Cli, tmp_path: Path, bakery: Path
) -> None:
    records = [
        *PLAIN,
        {"prompt": "say ONE.", "response": "one it is"},
        {"question": QUESTION, "answer": "36"},
        {"instruction": "Nobody answers"},
    ]
    file = write(tmp_path / "a.jsonl", records)

    code, output, _ = cli("audit", str(file), "--against", "bakery", "--benchmarks", str(bakery))

    assert code == 1
    assert "6 records = 5 samples + 0 merged (said the same) + 1 quarantined" in output
    assert "1 samples equal an earlier one" in output
    assert "bakery: a.jsonl#5" in output
    assert "prompt/response" in output
    row = next(line.split() for line in output.splitlines() if line.startswith("bakery "))
    assert row == ["bakery", "12", "1", "0", "1", "0", "0", "2"]
    assert "baker sells" not in output


def test_questions_answered_anew_unfilled_places_and_spelled_line_ends_are_counted_and_no_finding(
    cli: Cli, tmp_path: Path
) -> None:
    records = [
        {"instruction": "Name a bird.", "output": "A lapwing is a bird of the fields."},
        {"instruction": "name a  bird.", "output": "Herons stand in the water."},
        {"instruction": "Translate {subst} into French.", "output": "Oui."},
        {"instruction": "Write about {{ topic }}!", "output": "It rains."},
        {"instruction": "Simplify x^{max} and \\frac{ab}{cd}.", "output": "No."},
        {"instruction": "What bites?\\nOptions:\\n- (A) a dog", "output": "A"},
        {"instruction": "Which is \\neq 2?", "output": "1"},
        {"instruction": "Mend it:\nprint('a.\\nB')", "output": "No."},
    ]

    code, output, _ = cli("audit", str(write(tmp_path / "a.jsonl", records)))

    said = " ".join(output.split())
    assert code == 0
    assert "1 samples ask what an earlier one asks, and answer otherwise" in said
    assert re.search(
        r"2 samples ask with .* such as (\{subst\} in a.jsonl#3|\{\{ topic \}\} in a.jsonl#4);", said
    )
    assert "1 samples ask in one line, with line ends that are spelled \\n, as in a.jsonl#6;" in said


def test_fields_and_reasons_are_named_with_their_counts(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    write(folder / "a.jsonl", [{**record, "rationale": "So."} for record in PLAIN])
    write(
        folder / "b.jsonl", [{"prompt": "Who?", "context": "Ann.", "output": "Ann."}, {"problem": "1 + 1?"}]
    )
    (folder / "LICENSE").write_text("MIT")

    code, output, _ = cli("audit", str(folder))

    rows = [line.split() for line in output.splitlines()]
    assert code == 1
    assert ["rationale", "3", "text", "kept", "beside,", "not", "trained", "on"] in rows
    assert ["context", "1", "part", "of", "the", "question"] in rows
    assert "b.jsonl#2: none of the fields output, response" in output
    assert "passed over, for they are no kind of data that is read: LICENSE" in output


def test_a_file_without_a_sample_says_what_is_wrong_with_its_records(cli: Cli, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", [{"Frage": "1 + 1?", "Antwort": "2"}] * 3)

    code, _, complaint = cli("audit", str(file))

    assert code == 2
    assert "none of 3 records is a sample: 3 no messages" in complaint
    assert "its fields are Frage, Antwort; name the question under `fields`" in complaint
    assert "autoselection-audit-" not in complaint, "a folder that is gone"


def test_a_path_names_a_benchmark_too(cli: Cli, tmp_path: Path, bakery: Path) -> None:
    file = write(tmp_path / "a.jsonl", PLAIN)

    assert cli("audit", str(file), "--against", str(bakery / "bakery"))[0] == 0


def test_records_that_are_no_questions_are_counted_and_placed(cli: Cli, tmp_path: Path, bakery: Path) -> None:
    (bakery / "bakery/benchmark.yaml").write_text("items: items.jsonl\nmax_bad_share: 0.2\n")
    with (bakery / "bakery/items.jsonl").open("a") as items:
        items.write('{"question": "What is it?"}\n')
        items.write('{"question": "Who came?", "passage": "Vos came.", "answer": "Vos"}\n')
        items.write('{"question": "Who came?", "passage": "Vos came.", "answer": "Vos"}\n')
        items.write('{"question": "Who came?", "answer": "Klaas"}\n')

    _, output, _ = cli("audit", str(write(tmp_path / "a.jsonl", PLAIN)), "--against", str(bakery / "bakery"))

    assert "bakery: 1 records are no question with a right answer and are left out" in output
    assert "items.jsonl, record 13: 'answer' is missing" in output
    assert "bakery: 'passage' beside 2 questions is no part of them; with `fields: {question:" in output
    assert "bakery: 1 records repeat an earlier one, choices and answer included; they count once" in output
    assert "bakery: 2 items ask what an earlier one asks, and answer otherwise; all are scored" in output


def test_an_unknown_benchmark_says_where_to_put_it(cli: Cli, tmp_path: Path) -> None:
    code, _, complaint = cli("audit", str(write(tmp_path / "a.jsonl", PLAIN)), "--against", "gsm8")

    assert code == 2
    assert "NAME/benchmark.yaml" in complaint
    assert "Did you mean 'gsm8k'?" in complaint


@pytest.mark.real_data
def test_known_benchmarks_are_found_as_bare_files(cli: Cli, tmp_path: Path, real_data: Path) -> None:
    file = write(tmp_path / "a.jsonl", PLAIN)

    code, output, _ = cli("audit", str(file), "--against", "gsm8k,bbh", "--benchmarks", str(real_data))

    assert code == 0
    row = next(line.split() for line in output.splitlines() if line.startswith("bbh "))
    assert row == ["bbh", "920", "0", "0", "0", "0", "0", "0"]


def test_reading_rules_are_given_as_in_a_campaign(cli: Cli, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", [{"Frage": f"{n} + 1?", "Antwort": str(n + 1)} for n in range(3)])

    code, output, _ = cli("audit", str(file), "--rules", "{fields: {question: Frage, answer: Antwort}}")

    assert code == 0
    assert "3 records = 3 samples" in output


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ("{fields: {question: Frage, answer: Nein}}", "Nein"),
        ("{field: {question: Frage}}", "Did you mean 'fields'"),
        ("{fields: [", "--rules"),
    ],
)
def test_rules_that_cannot_be_are_named(cli: Cli, tmp_path: Path, rules: str, complaint: str) -> None:
    file = write(tmp_path / "a.jsonl", [{"Frage": "1 + 1?", "Antwort": "2"}])

    code, _, said = cli("audit", str(file), "--rules", rules)

    assert code == 2
    assert complaint in said


def test_the_pool_of_a_campaign_is_audited_by_its_own_rules(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "raw/a.jsonl", [{"Frage": f"{n} + 1?", "Antwort": str(n + 1)} for n in range(3)])
    write(tmp_path / "raw/b.jsonl", [*PLAIN, PLAIN[0], {"problem": "1 + 1?"}])
    rules = "fields: {question: Frage, answer: Antwort}"
    (tmp_path / "autoselection.yaml").write_text(
        f"campaigns: {{mine: {{pool: [{{path: raw/a.jsonl, {rules}}}, {{path: raw/b.jsonl}}],"
        " signals: [word_entropy], closed_form: {weights: {word_entropy: 1}}}}"
    )

    code, output, _ = cli("audit")

    rows = [line.split() for line in output.splitlines()]
    assert code == 1
    assert "8 records = 6 samples + 1 merged (said the same) + 1 quarantined" in output
    assert ["a", "3", "3", "0", "0"] in rows
    assert ["b", "5", "3", "1", "1"] in rows
    assert cli("audit", "raw/b.jsonl", "--campaign", "mine")[0] == 2


def test_other_scripts_are_told_with_an_embedder_that_knows_them(cli: Cli, tmp_path: Path) -> None:
    chinese = [
        {"instruction": "夏天热吗?", "output": "很热。"},
        {"instruction": "Как дела?", "output": "Хорошо."},
    ]

    _, output, _ = cli("audit", str(write(tmp_path / "a.jsonl", [*PLAIN, *chinese])))

    assert "2 of 5 samples are mostly not in Latin letters" in output
    assert "multilingual" in output
    assert "multilingual" not in cli("audit", str(write(tmp_path / "b.jsonl", PLAIN)))[1]
