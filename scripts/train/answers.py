"""What a file of answers, the options or the person at the terminal say about a model."""

import json
import sys

from schema import COLUMNS, MISSING, RANGES, fields_by_column
from sample_rows import is_text


class Answers:
    """Options come before the file of answers; the person is asked for the rest."""

    def __init__(self, arguments):
        self.options = vars(arguments)
        self.file = {}
        if arguments.answers:
            try:
                self.file = json.loads(arguments.answers.read_text())
            except (OSError, ValueError) as error:
                raise ValueError(f"{arguments.answers}: {error}") from None
            if not isinstance(self.file, dict):
                raise ValueError(f"{arguments.answers} is not a JSON object")

    def given(self, key):
        option = self.options.get(key)
        return self.file.get(key) if option is None else option

    def get(self, key, what, guess=None, check=str):
        """An answer that `check` takes and turns into what is wanted; it raises ValueError if not."""
        given = self.given(key)
        if given is not None:
            try:
                return check(given)
            except ValueError as error:
                raise ValueError(f"--{key}: {error}") from None
        if not sys.stdin.isatty():
            if guess is None:
                raise ValueError(f"the file cannot tell its {key}, give --{key}: {what}")
            print(f"{what}: {guess} (a guess; --{key} says otherwise)")
            return check(guess)
        while True:
            shown = "" if guess is None else f" [{guess}]"
            answer = input(f"{what}{shown}: ").strip() or guess
            try:
                if answer is not None:
                    return check(answer)
            except ValueError as error:
                print(error)


def one_of(values):
    def check(answer):
        if answer not in values:
            raise ValueError(f"{answer!r} is none of {', '.join(values)}")
        return answer

    return check


def number_within(least, most):
    def check(answer):
        number = float(answer)
        if not least <= number <= most:
            raise ValueError(f"{answer} is not within {least} and {most}")
        return number

    return check


def names(answer):
    return answer if isinstance(answer, list) else [name.strip() for name in answer.split(",")]


def labels_from(answers, model, count):
    """The labels in the order of the scores."""

    def check(answer):
        labels = names(answer)
        if len(labels) != count or len(set(labels)) != count or "" in labels:
            raise ValueError(f"{', '.join(labels)} are not {count} different labels")
        return labels

    known = model.labels if model.labels and len(model.labels) == count else None
    if known in (None, ["0", "1"], ["False", "True"]) and count == 2:
        guess = "NO,YES"
    else:
        guess = ",".join(known) if known else None
    seen = f" (the file calls them {', '.join(known)})" if known else ""
    return answers.get("labels", f"labels in the order of the scores{seen}", guess, check)


def features_from(answers, model, rows):
    """The features in the order of the graph's inputs."""
    width = model.width()

    def check(answer):
        if isinstance(answer, list):
            features = [described(one) for one in answer]
        else:
            features = [feature(one) for one in names(answer)]
        if width is not None and len(features) != width:
            raise ValueError(f"the graph takes {width} features, not {len(features)}")
        for key in ("name", "column"):
            seen = [feature[key] for feature in features]
            if twice := [one for at, one in enumerate(seen) if one in seen[:at]]:
                raise ValueError(f"the {key} {twice[0]} is there twice")
        if any(feature["name"] == "score" for feature in features):
            raise ValueError("score is the name of the model's score, no feature can have it")
        return features

    guess = None
    found = model.feature_names()
    if found:
        try:
            guess = ",".join(found)
            check(guess)
        except ValueError:
            guess = None
    what = f"columns of its {width or ''} features, as NAME or NAME=COLUMN, parted by commas"
    features = answers.get("features", what, guess, check)
    text = [feature for feature in features if feature["type"] == "categorical"]
    if any("values" not in feature for feature in text):
        give_values(answers, text, rows)
    return features


def feature(text):
    name, _, column = text.partition("=")
    column = column_like(column or name)
    kind = "numeric" if column in RANGES else "categorical"
    return {"name": name, "column": column, "type": kind}


def described(given):
    """A feature of an earlier description, checked as far as the packer relies on it."""
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise ValueError(f"{given} is no feature with a name")
    name, kind = given["name"], given.get("type")
    if given.get("column") not in COLUMNS:
        raise ValueError(f"{name}: there is no column {given.get('column')!r}")
    if kind not in ("numeric", "categorical"):
        raise ValueError(f"{name}: the type is {kind!r}, not numeric or categorical")
    if kind == "numeric" and given["column"] not in RANGES:
        raise ValueError(f"{name}: {given['column']} holds text, it can only be categorical")
    if kind == "categorical" and "values" in given:
        check_values(name, given["values"])
    return given


def column_like(name):
    """The column of that name, whatever its case and underscores."""

    def plain(name):
        return name.replace("_", "").replace(" ", "").lower()

    for column in COLUMNS:
        if plain(column) == plain(name):
            return column
    raise ValueError(f"there is no column {name!r}, they are {', '.join(COLUMNS)}")


def give_values(answers, features, rows):
    """The values of the categorical features, in the order of training."""
    columns = ", ".join(feature["name"] for feature in features)
    what = f"file with the values of {columns}, or `sample` for those in the sample, sorted"
    answer = answers.get("categories", what, check=lambda answer: category_lists(answer, features))
    for feature in features:
        if answer == "sample":
            values = {fields_by_column(fields)[feature["column"]] for fields in complete(rows)}
            feature["values"] = sorted(values - MISSING)
        else:
            feature["values"] = answer[feature["name"]]
        if not feature["values"]:
            raise ValueError(f"{feature['name']} has no values")


def category_lists(answer, features):
    if answer == "sample":
        return answer
    try:
        with open(answer) as file:
            lists = json.load(file)
    except (OSError, ValueError) as error:
        raise ValueError(f"{answer}: {error}") from None
    if not isinstance(lists, dict):
        raise ValueError(f"{answer} is not a JSON object")
    for feature in features:
        try:
            check_values(feature["name"], lists.get(feature["name"]))
        except ValueError as error:
            raise ValueError(f"{answer}: {error}") from None
    return lists


def check_values(name, values):
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{name} needs a list of texts")
    if missing := MISSING.intersection(values):
        raise ValueError(f"{name} lists {min(missing)!r}, which means missing and is no category")
    if twice := [value for at, value in enumerate(values) if value in values[:at]]:
        raise ValueError(f"{name} lists {twice[0]!r} twice")


def complete(rows):
    return [fields for _, fields in rows if fields and 29 <= len(fields) <= 31 and is_text(fields)]
