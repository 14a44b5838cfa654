"""Shapes of records that need a word from their source, as the reference shows them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A record whose fields have no known names, and the entry of `pool:` that reads it.

    Attributes:
        title: Kind of data that has this shape.
        record: The record, as JSON.
        entry: The entry of `pool:`, as YAML.
        said: Role and content of each message that is read.
    """

    title: str
    record: str
    entry: str
    said: tuple[tuple[str, str], ...]


SHAPES = (
    Shape(
        "A question in two fields, and a number as answer",
        '{"Body": "Tom has 3 pens and buys 2.", "Question": "How many are there?", "Answer": 5.0}',
        'path: word_problems.json\nfields: {question: "{Body} {Question}", answer: Answer}',
        (("user", "Tom has 3 pens and buys 2. How many are there?"), ("assistant", "5.0")),
    ),
    Shape(
        "A generated answer beside the expected one",
        '{"problem": "Find y with y - 1 = 4.", "generated_solution": "y = 5", "expected_answer": "5"}',
        "path: math/*.parquet\nanswer: generated_solution",
        (("user", "Find y with y - 1 = 4."), ("assistant", "y = 5")),
    ),
    Shape(
        "A question, a chain of thought and an answer",
        '{"Question": "Is 7 prime?", "Complex_CoT": "Neither 2 nor 3 divides it.", "Response": "Yes."}',
        "path: thoughts.jsonl\nfields: {question: Question, reasoning: Complex_CoT, answer: Response}",
        (("user", "Is 7 prime?"), ("assistant", "Yes.")),
    ),
    Shape(
        "A trajectory of an agent",
        '{"sys": "You are a robot.",'
        ' "traj": [{"role": "human", "content": "Go."}, {"role": "bot", "content": "I go."}]}',
        "path: agents.jsonl\nfields: {turns: traj, system: sys}",
        (("system", "You are a robot."), ("user", "Go."), ("assistant", "I go.")),
    ),
    Shape(
        "One text with marks before the turns",
        '{"text": "### Human: Hi there### Assistant: Hello.### Human: Bye### Assistant: Goodbye."}',
        'path: chats.parquet\nfields: {text: text, split_on: ["### Human:", "### Assistant:"]}',
        (("user", "Hi there"), ("assistant", "Hello."), ("user", "Bye"), ("assistant", "Goodbye.")),
    ),
    Shape(
        "A preference pair, read by the chosen answer",
        '{"prompt": "Name a bird.", "chosen": "A lapwing.", "rejected": "Birds are animals."}',
        "path: hf://ours/preferences@main:train\nanswer: chosen",
        (("user", "Name a bird."), ("assistant", "A lapwing.")),
    ),
    Shape(
        "A passage in fields of fields",
        '{"q": "Who came?", "doc": {"body": "Vos came."}, "answers": {"text": ["Vos", "Mr Vos"]}}',
        'path: reading.json\nfields: {question: "{q}\\n{doc.body}", answer: answers.text.0}',
        (("user", "Who came?\nVos came."), ("assistant", "Vos")),
    ),
)
"""Seven shapes of public data sets; the records are made up."""
