"""Small hand-made tree models with their expected outputs, in tests/fixtures/trees/.

    python tree_cases.py

Each NAME.onnx maps `features` [N, k] to `probabilities` [N, targets]. NAME.json has

    inputs, outputs   rows of numbers; "NaN", "Infinity" and "-Infinity" as text
    labels            of classifiers: the label of each row
    tolerance         how far an output may be off, absolute; 0 means to the last bit
    source            who says so

TreeEnsemble has a specification that can be followed to the letter, so a plain evaluation
written from it decides, and onnxruntime is asked as well: where the two agree, `source`
names onnxruntime, and where they do not, it says in what onnxruntime departs. A
TreeEnsembleClassifier of two classes lives by conventions the specification leaves out, so
there onnxruntime decides, but for two base values and for the labels, which are specified.
"""

from cases import FOLDER
from classifier_cases import classifiers
from classifier_corners import classifier_corners
from ensemble_cases import tree_ensembles
from regressor_cases import regressors

if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in [*FOLDER.glob("*.onnx"), *FOLDER.glob("*.json")]:
        old.unlink()
    tree_ensembles()
    classifiers()
    classifier_corners()
    regressors()
