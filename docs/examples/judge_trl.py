"""Judge that trains with TRL's own script: judge_trl.py SUBSET OUTPUT SCORES SIDE BASE_MODEL QUESTIONS.

QUESTIONS are JSON lines of `question`, `answer` and `side`; an item's value is the mean log-likelihood of its
answer, in nats a token.
"""

import json
import os
import subprocess
import sys
from pathlib import Path


def train(subset: Path, output: Path, base_model: str) -> Path:
    """Train where that was not done yet; the model's folder."""
    model, unfinished = output / "model", output / "unfinished"
    if not model.is_dir():
        settings = {
            "model_name_or_path": base_model,
            "datasets": [{"path": "json", "data_files": str(subset)}],
            "output_dir": str(unfinished),
            "max_steps": 2,
            "per_device_train_batch_size": 4,
            "max_length": 128,
            "use_cpu": True,
            "report_to": "none",
            "save_strategy": "no",
            "seed": int(os.environ.get("AUTOSELECTION_JUDGE_REPLICATE", "0")),
        }
        config = output / "train.yaml"
        config.write_text(json.dumps(settings))  # JSON is YAML
        subprocess.run([sys.executable, "-m", "trl.scripts.sft", "--config", str(config)], check=True)  # noqa: S603 the list above
        unfinished.rename(model)
    return model


def score(model: Path, question: str, answer: str) -> float:
    """Mean log-likelihood of an answer, in nats a token."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, trained = AutoTokenizer.from_pretrained(model), AutoModelForCausalLM.from_pretrained(model)
    asked = [{"role": "user", "content": question}]
    prompt = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in (prompt, answer)]
    labels = torch.tensor([[-100] * len(ids[0]) + ids[1]])
    with torch.inference_mode():
        return -float(trained(input_ids=torch.tensor([ids[0] + ids[1]]), labels=labels).loss)


def main(subset: str, output: str, scores: str, side: str, *asked: str) -> None:
    """Train and write the scores of one side's questions."""
    base_model, questions = asked
    model = train(Path(subset), Path(output), base_model)
    with Path(scores).open("w") as file:
        for number, one in enumerate(map(json.loads, Path(questions).read_text().splitlines())):
            if one["side"] == side:
                value = score(model, one["question"], one["answer"])
                file.write(json.dumps({"benchmark": "questions", "item": str(number), "value": value}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
