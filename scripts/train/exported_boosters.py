"""Models of LightGBM, XGBoost and CatBoost, exported by onnxmltools and by CatBoost itself."""

import tempfile
from pathlib import Path

import catboost
import lightgbm
import numpy as np
import onnxmltools
import xgboost
from onnxmltools.convert.common.data_types import DoubleTensorType, FloatTensorType

from exported import WIDTH, Exported, features, targets


def lightgbm_models():
    def exported(name, model, words, kind, double=False, **fit):
        x = features()
        model.set_params(n_estimators=5, num_leaves=7, min_child_samples=10, verbose=-1, n_jobs=1)
        model.set_params(deterministic=True, random_state=1)
        y = targets(x, kind)
        model.fit(x, fit.pop("names")[y] if "names" in fit else y, **fit)
        of = DoubleTensorType if double else FloatTensorType
        zipmap = {} if kind == "regression" else {"zipmap": name != "lightgbm-no-zipmap"}
        proto = onnxmltools.convert_lightgbm(
            model, initial_types=[("input", of([None, WIDTH]))], **zipmap
        )
        predict = model.predict if kind == "regression" else model.predict_proba
        file = proto.SerializeToString()
        return Exported(name, words, "lightgbm", "onnxmltools", file, predict, double=double)

    yield exported("lightgbm-binary", lightgbm.LGBMClassifier(), "binary", "two")
    yield exported("lightgbm-no-zipmap", lightgbm.LGBMClassifier(), "binary, ZipMap off", "two")
    names = np.array(["NO", "YES"])
    yield exported(
        "lightgbm-text-labels", lightgbm.LGBMClassifier(), "binary, text labels", "two", names=names
    )
    yield exported("lightgbm-three", lightgbm.LGBMClassifier(), "three classes", "three")
    yield exported("lightgbm-regression", lightgbm.LGBMRegressor(), "regression", "regression")
    yield exported(
        "lightgbm-regression-double",
        lightgbm.LGBMRegressor(),
        "regression, fed doubles",
        "regression",
        double=True,
    )
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
        proto = onnxmltools.convert_xgboost(
            model, initial_types=[("input", FloatTensorType([None, WIDTH]))]
        )
        predict = model.predict if kind == "regression" else model.predict_proba
        return Exported(name, words, "xgboost", "onnxmltools", proto.SerializeToString(), predict)

    yield exported("xgboost-binary", xgboost.XGBClassifier(), "binary:logistic", "two")
    yield exported(
        "xgboost-three",
        xgboost.XGBClassifier(objective="multi:softprob"),
        "multi:softprob",
        "three",
    )
    yield exported("xgboost-regression", xgboost.XGBRegressor(), "reg:squarederror", "regression")


def catboost_models():
    def exported(name, model, words, kind):
        x = features()
        model.set_params(
            iterations=5,
            depth=3,
            thread_count=1,
            random_seed=1,
            verbose=False,
            allow_writing_files=False,
        )
        model.fit(x, targets(x, kind))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            model.save_model(str(path), format="onnx")
            proto = path.read_bytes()
        predict = model.predict if kind == "regression" else model.predict_proba
        return Exported(name, words, "catboost", "catboost", proto, predict)

    yield exported("catboost-binary", catboost.CatBoostClassifier(), "binary", "two")
    yield exported(
        "catboost-three",
        catboost.CatBoostClassifier(loss_function="MultiClass"),
        "three classes",
        "three",
    )
    yield exported("catboost-regression", catboost.CatBoostRegressor(), "regression", "regression")
