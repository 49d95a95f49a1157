"""Small hand-made tree models with their expected outputs, in tests/fixtures/trees/, and in
tests/fixtures/operators/ graphs of the operators that may stand round the trees.

    python tree_cases.py

Each NAME.onnx maps `features` [N, k] to `probabilities` [N, targets]. NAME.json has

    inputs, outputs   rows of numbers; "NaN", "Infinity" and "-Infinity" as text
    labels            of classifiers: the label of each row
    ulps              how many units in the last place an output may be off; 0 means to the last bit
    source            who says so

TreeEnsemble has a specification that can be followed to the letter, so a plain evaluation
written from it decides, and onnxruntime is asked as well: where the two agree, the outputs
are those of onnxruntime, and where they do not, `source` says in what onnxruntime departs.
It transforms doubles in float, so there the evaluation in double is what is expected. A
TreeEnsembleClassifier of two classes lives by conventions the specification leaves out, so
there onnxruntime decides, but for two base values and for the labels, which are specified.
Graphs of operators have no `ulps`: one unit in the last place in double, two in float.
"""

from cases import FIXTURES
from classifier_cases import classifiers
from classifier_corners import classifier_corners
from ensemble_cases import tree_ensembles
from operator_cases import operators
from regressor_cases import regressors

if __name__ == "__main__":
    for folder in (FIXTURES / "trees", FIXTURES / "operators"):
        folder.mkdir(parents=True, exist_ok=True)
        for old in [*folder.glob("*.onnx"), *folder.glob("*.json")]:
            old.unlink()
    tree_ensembles()
    classifiers()
    classifier_corners()
    regressors()
    operators()
