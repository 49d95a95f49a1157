"""Models and pipelines of scikit-learn, exported by skl2onnx."""

import numpy as np
import skl2onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from exported import PARTS, WIDTH, Exported, features, targets

SMALL = dict(n_estimators=5, max_depth=3, random_state=1)
HIST = dict(max_iter=5, max_leaf_nodes=7, random_state=1)
NAMES = np.array(["NO", "YES"])


def converted(
    name, words, model, kind, parts=None, labels=None, double=False, zipmap=True, **traits
):
    x = features(missing=traits.get("missing", True))
    y = targets(x, kind)
    model.fit(x, y if labels is None else labels[y])
    of = DoubleTensorType if double else FloatTensorType
    inputs = [(part, of([None, width])) for part, width in (parts or {"X": WIDTH}).items()]
    regression = kind == "regression"
    options = {} if regression else {id(model): {"zipmap": zipmap}}
    proto = skl2onnx.convert_sklearn(model, initial_types=inputs, options=options)
    predict = model.predict if regression else model.predict_proba
    file = proto.SerializeToString()
    return Exported(
        name,
        words,
        "scikit-learn",
        "skl2onnx",
        file,
        predict,
        double=double,
        parts=parts or {},
        **traits,
    )


def scikit_learn_models():
    # The exporter leaves out where forests and single trees send a missing value, so they get none.
    full = {"missing": False}
    boosting = GradientBoostingClassifier
    yield converted(
        "gradient-boosting", "GradientBoostingClassifier", boosting(**SMALL), "two", **full
    )
    yield converted(
        "gradient-boosting-three",
        "GradientBoostingClassifier, three classes",
        boosting(**SMALL),
        "three",
        **full,
    )
    yield converted(
        "gradient-boosting-regression",
        "GradientBoostingRegressor",
        GradientBoostingRegressor(**SMALL),
        "regression",
        **full,
    )
    hist = HistGradientBoostingClassifier
    yield converted("hist-gradient-boosting", "HistGradientBoostingClassifier", hist(**HIST), "two")
    yield converted(
        "hist-gradient-boosting-three",
        "HistGradientBoostingClassifier, three classes",
        hist(**HIST),
        "three",
    )
    yield converted(
        "hist-gradient-boosting-regression",
        "HistGradientBoostingRegressor",
        HistGradientBoostingRegressor(**HIST),
        "regression",
    )
    forest = RandomForestClassifier
    yield converted("random-forest", "RandomForestClassifier", forest(**SMALL), "two", **full)
    yield converted(
        "random-forest-text-labels",
        "RandomForestClassifier, text labels",
        forest(**SMALL),
        "two",
        labels=NAMES,
        **full,
    )
    yield converted(
        "random-forest-three",
        "RandomForestClassifier, three classes, ZipMap off",
        forest(**SMALL),
        "three",
        zipmap=False,
        **full,
    )
    yield converted(
        "random-forest-double",
        "RandomForestClassifier, fed doubles",
        forest(**SMALL),
        "two",
        double=True,
        **full,
    )
    yield converted(
        "random-forest-double-no-zipmap",
        "RandomForestClassifier, fed doubles, ZipMap off",
        forest(**SMALL),
        "three",
        double=True,
        zipmap=False,
        **full,
    )
    yield converted(
        "random-forest-regression",
        "RandomForestRegressor",
        RandomForestRegressor(**SMALL),
        "regression",
        **full,
    )
    yield converted(
        "extra-trees", "ExtraTreesClassifier", ExtraTreesClassifier(**SMALL), "two", **full
    )
    yield converted(
        "decision-tree",
        "DecisionTreeClassifier",
        DecisionTreeClassifier(max_depth=4, random_state=1),
        "two",
        **full,
    )


def pipelines():
    full = {"missing": False, "plain": False}
    forest = RandomForestClassifier(**SMALL)
    boosting = GradientBoostingClassifier(**SMALL)

    def chain(*steps):
        return make_pipeline(*map(clone, steps))

    yield converted(
        "scaled-forest",
        "StandardScaler, RandomForestClassifier",
        chain(StandardScaler(), forest),
        "two",
        **full,
    )
    yield converted(
        "scaled-forest-double",
        "StandardScaler, RandomForestClassifier, fed doubles",
        chain(StandardScaler(), forest),
        "two",
        double=True,
        **full,
    )
    yield converted(
        "imputed-forest",
        "SimpleImputer, RandomForestClassifier",
        chain(SimpleImputer(), forest),
        "two",
        plain=False,
    )
    yield converted(
        "min-max-boosting",
        "MinMaxScaler, GradientBoostingClassifier",
        chain(MinMaxScaler(), boosting),
        "two",
        **full,
    )
    for norm in ("l1", "l2"):
        yield converted(
            f"normalized-{norm}",
            f"Normalizer {norm}, ExtraTreesClassifier",
            chain(Normalizer(norm), ExtraTreesClassifier(**SMALL)),
            "two",
            **full,
        )
    scaled, kept = ("scaled", StandardScaler(), [0, 1, 2]), ("kept", "passthrough", [4, 5])
    imputed = ("imputed", SimpleImputer(strategy="median"), [3])
    columns = ColumnTransformer([scaled, imputed, kept])
    yield converted(
        "columns-forest",
        "ColumnTransformer, RandomForestClassifier",
        chain(columns, forest),
        "two",
        **full,
    )
    yield converted(
        "several-inputs-forest",
        "ColumnTransformer of three inputs, RandomForestClassifier",
        chain(columns, forest),
        "two",
        parts=PARTS,
        **full,
    )
    yield converted(
        "several-inputs-boosting",
        "ColumnTransformer of three inputs, HistGradientBoostingClassifier, ZipMap off",
        chain(columns, HistGradientBoostingClassifier(**HIST)),
        "two",
        parts=PARTS,
        zipmap=False,
        plain=False,
    )
    # onnxruntime has no Imputer for doubles.
    columns = ColumnTransformer([scaled, ("day", "passthrough", [3]), kept])
    yield converted(
        "several-inputs-double",
        "ColumnTransformer of three inputs, RandomForestClassifier, fed doubles",
        chain(columns, forest),
        "two",
        parts=PARTS,
        double=True,
        **full,
    )
