"""Gives an ONNX model the description that flight-delay-scorer needs.

It looks into the graph, asks for what it cannot know (without a terminal, takes a guess or asks
for the option), scores the sample with onnxruntime, and writes MODEL.json beside the model, or a
copy of the model that holds the same JSON. The sample is rows of the on-time schema, best those
the model was trained on: the golden rows come from them, and the training profile.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from answers import Answers, features_from, labels_from, number_within, one_of
from description import KEY, encode, golden, profile
from onnx_file import OnnxFile
from sample_rows import is_text, read_rows, readable
from schema import COLUMNS, TARGET, fields_by_column

LEAST_ROWS = 8
# Parts of equal size that the values of a numeric feature fall into.
BINS = 20


def main():
    arguments = parse()
    try:
        pack(arguments)
    except (ValueError, OSError) as error:
        sys.exit(f"pack: {error}")
    except (EOFError, KeyboardInterrupt):
        sys.exit("\npack: nothing is written")


def parse():
    parser = argparse.ArgumentParser(prog="pack", description=__doc__.split("\n\n")[0])
    parser.add_argument("model", metavar="MODEL.onnx", type=Path)
    parser.add_argument("sample", metavar="SAMPLE.csv", type=Path)
    parser.add_argument(
        "--out",
        metavar="FILE.onnx",
        type=Path,
        help="a copy with the description in it; else MODEL.json",
    )
    parser.add_argument(
        "--answers",
        metavar="FILE.json",
        type=Path,
        help="a description to start from, such as MODEL.json of last time",
    )
    parser.add_argument("--name", help="of the model; else the file's")
    parser.add_argument("--version", help="else 1")
    parser.add_argument("--description", help="one line for people")
    parser.add_argument(
        "--features",
        help="in the order of the graph's inputs: NAME or NAME=COLUMN, parted by commas",
    )
    parser.add_argument(
        "--categories",
        metavar="FILE.json",
        help='the values of each text feature in the order of training: {"Origin": ["EWR", ...]}; or the word `sample`: those in the sample, sorted',
    )
    parser.add_argument("--labels", help="in the order of the scores, parted by commas")
    parser.add_argument("--positive", help="the label that is given from the threshold on")
    parser.add_argument("--threshold", help="from 0 to 1")
    return parser.parse_args()


def pack(arguments):
    model = OnnxFile(arguments.model)
    answers = Answers(arguments)
    rows = read_rows(arguments.sample)
    card = {
        "name": answers.get("name", "name of the model", arguments.model.stem),
        "version": answers.get("version", "version", "1"),
    }
    if description := answers.given("description"):
        card["description"] = description
    card["features"] = features = features_from(answers, model, rows)

    kept, encoded, problems = readable(rows, lambda fields: encode([fields], features)[0])
    if problems:
        print(f"{len(problems)} rows of the sample cannot be read; {problems[0]}")
    # The golden rows come from these: they stand in JSON.
    proving = [at for at, fields in enumerate(kept) if is_text(fields)]
    if len(proving) < LEAST_ROWS:
        raise ValueError(
            f"{arguments.sample} has {len(kept)} rows that can be read, {len(proving)} of them UTF-8; "
            f"{LEAST_ROWS} of those are needed for the golden rows"
        )
    inputs = np.array(encoded)
    scores = model.scores(inputs)
    precision = "double" if scores.dtype == np.float64 else "float"

    card["labels"] = labels = labels_from(answers, model, max(2, scores.shape[1]))
    guess = "YES" if "YES" in labels else labels[-1]
    card["positive"] = answers.get("positive", "positive label", guess, one_of(labels))
    positive = labels.index(card["positive"])
    if scores.shape[1] == 1:
        # One number a row is the probability of the positive label.
        scores = np.hstack([scores, 1 - scores] if positive == 0 else [1 - scores, scores])
    scores = scores.astype(np.float64)
    guess = likely_threshold(kept, labels, positive, scores)
    card["threshold"] = answers.get("threshold", "threshold", guess, number_within(0, 1))

    card["golden"] = golden(
        [kept[at] for at in proving], inputs[proving], scores[proving], positive, precision
    )
    edges = {feature["name"]: quantiles(column) for feature, column in zip(features, inputs.T)}
    card["profile"] = profile(features, inputs, scores[:, positive], edges)
    report(card, scores[:, positive])
    write(arguments, model, card)


def likely_threshold(rows, labels, positive, scores):
    """The best F1 on the rows that carry the truth, and 0.5 where none does."""
    truth = [fields_by_column(fields)[TARGET] for fields in rows]
    known = np.array([text in labels for text in truth])
    if len(labels) != 2 or not known.any():
        return 0.5
    true = np.array([text == labels[positive] for text in truth])[known]
    likely = scores[known, positive]
    steps = [round(0.01 * step, 2) for step in range(1, 100)]
    f1 = [
        2 * (true & (likely >= at)).sum() / max(1, (likely >= at).sum() + true.sum())
        for at in steps
    ]
    return steps[int(np.argmax(f1))]


def quantiles(values):
    known = values[~np.isnan(values)]
    if not len(known):
        return []
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS, method="higher"))
    # Nothing is below the least value.
    return edges[edges > known.min()].tolist()


def report(card, positive_scores):
    print(f"features: {', '.join(feature['name'] for feature in card['features'])}")
    print(f"labels: {', '.join(card['labels'])}; {card['positive']} from {card['threshold']} on")
    print(
        f"{card['profile']['rows']} rows profiled, {len(card['golden']['rows'])} of them golden; "
        f"P({card['positive']}) runs from {positive_scores.min():.4f} to {positive_scores.max():.4f}"
    )


def write(arguments, model, card):
    if not arguments.out:
        path = arguments.model.with_suffix(".json")
        path.write_text(json.dumps(card, indent=1, allow_nan=False) + "\n")
        print(f"written: {path}")
        return
    others = {one.key: one.value for one in model.proto.metadata_props}
    text = json.dumps(card, separators=(",", ":"), allow_nan=False)
    helper.set_model_props(model.proto, others | {KEY: text})
    onnx.save(model.proto, arguments.out)
    print(f"written: {arguments.out}")
    sidecar = arguments.out.with_suffix(".json")
    if sidecar.exists():
        print(f"{sidecar} stands in for the description in it, as long as it is there")


if __name__ == "__main__":
    main()
