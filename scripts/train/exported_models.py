"""Small models of the common libraries, and the ONNX files that their exporters make of them.

`every()` trains and exports them one by one. Most are binary; the positive share differs between
them, so that base values are neither zero nor equal.
"""

import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import catboost
import lightgbm
import numpy as np
import onnxmltools
import skl2onnx
import xgboost
from onnxmltools.convert.common.data_types import DoubleTensorType as DoubleInput
from onnxmltools.convert.common.data_types import FloatTensorType as FloatInput
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

WIDTH = 6
# Which features the several inputs of one graph are: their names and widths.
PARTS = {"times": 3, "day": 1, "places": 2}


@dataclass
class Exported:
    name: str
    model: str
    library: str
    exporter: str
    onnx: bytes
    # Probabilities, or values of a regression, of float rows.
    predict: Callable
    # Whether it takes missing values, is fed doubles, and has nothing before its trees.
    missing: bool = True
    double: bool = False
    plain: bool = True
    parts: dict = field(default_factory=dict)


def features(count=400, missing=True, seed=3):
    """Whole numbers, quarters, negative numbers, zeros of both signs, a category, and gaps."""
    draw = np.random.default_rng(seed)
    rows = np.column_stack(
        [
            draw.integers(0, 24, count),
            draw.integers(-8, 9, count) / 4,
            draw.normal(0, 100, count).round(1),
            draw.integers(0, 7, count),
            draw.exponential(1, count),
            draw.integers(0, 5, count),
        ]
    ).astype(np.float32)
    rows[draw.random(rows.shape) < 0.02] = -0.0
    if missing:
        gaps = draw.random(rows.shape) < 0.08
        gaps[:, 5] = False
        rows[gaps] = np.nan
    return rows


def targets(rows, kind, seed=4):
    """What there is to learn: a number, or classes cut from it."""
    draw = np.random.default_rng(seed)
    x = np.nan_to_num(rows.astype(np.float64), nan=5.0)
    value = x[:, 0] / 8 + np.abs(x[:, 1]) - x[:, 2] / 80 + np.isin(x[:, 3], [0, 5]) + np.sin(x[:, 5] * 2)
    value += draw.normal(0, 0.5, len(value))
    if kind == "regression":
        return value
    if kind == "three":
        return np.digitize(value, [1.5, 3.0])
    return (value > 2.4).astype(int)


def every():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield from lightgbm_models()
        yield from xgboost_models()
        yield from catboost_models()
        yield from scikit_learn_models()
        yield from pipelines()


def lightgbm_models():
    def exported(name, model, words, kind, double=False, **fit):
        x = features()
        model.set_params(n_estimators=5, num_leaves=7, min_child_samples=10, verbose=-1, n_jobs=1)
        model.set_params(deterministic=True, random_state=1)
        y = targets(x, kind)
        model.fit(x, fit.pop("names")[y] if "names" in fit else y, **fit)
        of = DoubleInput if double else FloatInput
        zipmap = {} if kind == "regression" else {"zipmap": name != "lightgbm-no-zipmap"}
        proto = onnxmltools.convert_lightgbm(model, initial_types=[("input", of([None, WIDTH]))], **zipmap)
        predict = model.predict if kind == "regression" else model.predict_proba
        file = proto.SerializeToString()
        return Exported(name, words, "lightgbm", "onnxmltools", file, predict, double=double)

    yield exported("lightgbm-binary", lightgbm.LGBMClassifier(), "binary", "two")
    yield exported("lightgbm-no-zipmap", lightgbm.LGBMClassifier(), "binary, ZipMap off", "two")
    names = np.array(["NO", "YES"])
    yield exported("lightgbm-text-labels", lightgbm.LGBMClassifier(), "binary, text labels", "two", names=names)
    yield exported("lightgbm-three", lightgbm.LGBMClassifier(), "three classes", "three")
    yield exported("lightgbm-regression", lightgbm.LGBMRegressor(), "regression", "regression")
    yield exported("lightgbm-regression-double", lightgbm.LGBMRegressor(), "regression, fed doubles", "regression", double=True)
    yield exported(
        "lightgbm-categorical",
        lightgbm.LGBMClassifier(max_cat_to_onehot=1, cat_smooth=1, cat_l2=1, min_data_per_group=5),
        "binary, categorical feature",
        "two",
        categorical_feature=[5],
    )


def xgboost_models():
    def exported(name, model, words, kind):
        x = features()
        model.set_params(n_estimators=5, max_depth=3, n_jobs=1, random_state=1)
        model.fit(x, targets(x, kind))
        proto = onnxmltools.convert_xgboost(model, initial_types=[("input", FloatInput([None, WIDTH]))])
        predict = model.predict if kind == "regression" else model.predict_proba
        return Exported(name, words, "xgboost", "onnxmltools", proto.SerializeToString(), predict)

    yield exported("xgboost-binary", xgboost.XGBClassifier(), "binary:logistic", "two")
    yield exported("xgboost-three", xgboost.XGBClassifier(objective="multi:softprob"), "multi:softprob", "three")
    yield exported("xgboost-regression", xgboost.XGBRegressor(), "reg:squarederror", "regression")


def catboost_models():
    def exported(name, model, words, kind):
        x = features()
        model.set_params(iterations=5, depth=3, thread_count=1, random_seed=1, verbose=False, allow_writing_files=False)
        model.fit(x, targets(x, kind))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            model.save_model(str(path), format="onnx")
            proto = path.read_bytes()
        predict = model.predict if kind == "regression" else model.predict_proba
        return Exported(name, words, "catboost", "catboost", proto, predict)

    yield exported("catboost-binary", catboost.CatBoostClassifier(), "binary", "two")
    yield exported("catboost-three", catboost.CatBoostClassifier(loss_function="MultiClass"), "three classes", "three")
    yield exported("catboost-regression", catboost.CatBoostRegressor(), "regression", "regression")


def converted(name, words, model, kind, parts=None, labels=None, double=False, zipmap=True, **traits):
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
    return Exported(name, words, "scikit-learn", "skl2onnx", file, predict, double=double, parts=parts or {}, **traits)


SMALL = dict(n_estimators=5, max_depth=3, random_state=1)
HIST = dict(max_iter=5, max_leaf_nodes=7, random_state=1)
NAMES = np.array(["NO", "YES"])


def scikit_learn_models():
    # The exporter leaves out where forests and single trees send a missing value, so they get none.
    full = {"missing": False}
    boosting = GradientBoostingClassifier
    yield converted("gradient-boosting", "GradientBoostingClassifier", boosting(**SMALL), "two", **full)
    yield converted("gradient-boosting-three", "GradientBoostingClassifier, three classes", boosting(**SMALL), "three", **full)
    yield converted("gradient-boosting-regression", "GradientBoostingRegressor", GradientBoostingRegressor(**SMALL), "regression", **full)
    hist = HistGradientBoostingClassifier
    yield converted("hist-gradient-boosting", "HistGradientBoostingClassifier", hist(**HIST), "two")
    yield converted("hist-gradient-boosting-three", "HistGradientBoostingClassifier, three classes", hist(**HIST), "three")
    yield converted("hist-gradient-boosting-regression", "HistGradientBoostingRegressor", HistGradientBoostingRegressor(**HIST), "regression")
    forest = RandomForestClassifier
    yield converted("random-forest", "RandomForestClassifier", forest(**SMALL), "two", **full)
    yield converted("random-forest-text-labels", "RandomForestClassifier, text labels", forest(**SMALL), "two", labels=NAMES, **full)
    yield converted("random-forest-three", "RandomForestClassifier, three classes, ZipMap off", forest(**SMALL), "three", zipmap=False, **full)
    yield converted("random-forest-double", "RandomForestClassifier, fed doubles", forest(**SMALL), "two", double=True, **full)
    yield converted("random-forest-double-no-zipmap", "RandomForestClassifier, fed doubles, ZipMap off", forest(**SMALL), "three", double=True, zipmap=False, **full)
    yield converted("random-forest-regression", "RandomForestRegressor", RandomForestRegressor(**SMALL), "regression", **full)
    yield converted("extra-trees", "ExtraTreesClassifier", ExtraTreesClassifier(**SMALL), "two", **full)
    yield converted("decision-tree", "DecisionTreeClassifier", DecisionTreeClassifier(max_depth=4, random_state=1), "two", **full)


def pipelines():
    full = {"missing": False, "plain": False}
    forest = RandomForestClassifier(**SMALL)
    boosting = GradientBoostingClassifier(**SMALL)

    def chain(*steps):
        return make_pipeline(*map(clone, steps))

    yield converted("scaled-forest", "StandardScaler, RandomForestClassifier", chain(StandardScaler(), forest), "two", **full)
    yield converted("scaled-forest-double", "StandardScaler, RandomForestClassifier, fed doubles", chain(StandardScaler(), forest), "two", double=True, **full)
    yield converted("imputed-forest", "SimpleImputer, RandomForestClassifier", chain(SimpleImputer(), forest), "two", plain=False)
    yield converted("min-max-boosting", "MinMaxScaler, GradientBoostingClassifier", chain(MinMaxScaler(), boosting), "two", **full)
    for norm in ("l1", "l2"):
        yield converted(f"normalized-{norm}", f"Normalizer {norm}, ExtraTreesClassifier", chain(Normalizer(norm), ExtraTreesClassifier(**SMALL)), "two", **full)
    scaled, kept = ("scaled", StandardScaler(), [0, 1, 2]), ("kept", "passthrough", [4, 5])
    imputed = ("imputed", SimpleImputer(strategy="median"), [3])
    columns = ColumnTransformer([scaled, imputed, kept])
    yield converted("columns-forest", "ColumnTransformer, RandomForestClassifier", chain(columns, forest), "two", **full)
    yield converted("several-inputs-forest", "ColumnTransformer of three inputs, RandomForestClassifier", chain(columns, forest), "two", parts=PARTS, **full)
    yield converted("several-inputs-boosting", "ColumnTransformer of three inputs, HistGradientBoostingClassifier, ZipMap off", chain(columns, HistGradientBoostingClassifier(**HIST)), "two", parts=PARTS, zipmap=False, plain=False)
    # onnxruntime has no Imputer for doubles.
    columns = ColumnTransformer([scaled, ("day", "passthrough", [3]), kept])
    yield converted("several-inputs-double", "ColumnTransformer of three inputs, RandomForestClassifier, fed doubles", chain(columns, forest), "two", parts=PARTS, double=True, **full)
