"""Where everything is."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
COMPARE = PROJECT / "benches" / "compare"
TARGET = PROJECT / "target" / "compare"
LOGS = TARGET / "logs"
SAMPLE = PROJECT / "src" / "sample" / "flights.csv"
MODELS = [PROJECT / "models" / "airline-gbm.onnx", PROJECT / "models" / "nyc-2013-gbm.onnx"]
TEMPLATE = Path(__file__).with_name("page.md")
PAGE = PROJECT / "docs" / "benchmarks.md"
