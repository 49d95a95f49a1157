"""The on-time row and how its fields become the numbers the model is fed."""

import math
import re

COLUMNS = (
    "Year Month DayofMonth DayOfWeek DepTime CRSDepTime ArrTime CRSArrTime UniqueCarrier "
    "FlightNum TailNum ActualElapsedTime CRSElapsedTime AirTime ArrDelay DepDelay Origin Dest "
    "Distance TaxiIn TaxiOut Cancelled CancellationCode Diverted CarrierDelay WeatherDelay "
    "NASDelay SecurityDelay LateAircraftDelay IsArrDelayed IsDepDelayed"
).split()
FEATURES = (
    "Year Month DayofMonth DayOfWeek CRSDepTime CRSArrTime UniqueCarrier FlightNum "
    "CRSElapsedTime Origin Dest"
).split()
CATEGORICAL = {"UniqueCarrier", "Origin", "Dest"}
# The model was trained on these, but the service it comes from never filled them in.
ALWAYS_MISSING = {"CRSArrTime", "FlightNum", "CRSElapsedTime"}
TARGET = "IsDepDelayed"
MISSING = {"", "NA"}


def columns_of(width):
    """The column names of a row of 29, 30 or 31 fields; labels, if any, are the last two."""
    if width == 29:
        return COLUMNS[:29]
    if width == 30:
        return COLUMNS[:28] + COLUMNS[29:]
    if width == 31:
        return COLUMNS
    raise ValueError(f"a row has 29, 30 or 31 fields, not {width}")


# What the fields of a numeric column may hold, as the service reads them: whole numbers in this
# range. In the times (hhmm) the last two digits are below 60.
DELAYS = (0, 9_999)
MINUTES = (-9_999, 9_999)
RANGES = {
    "Year": (1987, 2100),
    "Month": (1, 12),
    "DayofMonth": (1, 31),
    "DayOfWeek": (1, 7),
    "DepTime": (0, 2959),
    "CRSDepTime": (0, 2400),
    "ArrTime": (0, 2959),
    "CRSArrTime": (0, 2400),
    "FlightNum": (0, 99_999),
    "ActualElapsedTime": MINUTES,
    "CRSElapsedTime": MINUTES,
    "AirTime": MINUTES,
    "ArrDelay": MINUTES,
    "DepDelay": MINUTES,
    "Distance": (0, 99_999),
    "TaxiIn": DELAYS,
    "TaxiOut": DELAYS,
    "Cancelled": (0, 1),
    "Diverted": (0, 1),
    "CarrierDelay": DELAYS,
    "WeatherDelay": DELAYS,
    "NASDelay": DELAYS,
    "SecurityDelay": DELAYS,
    "LateAircraftDelay": DELAYS,
}
TIMES = {"DepTime", "CRSDepTime", "ArrTime", "CRSArrTime"}


def fields_by_column(fields):
    """The fields of a row by their columns; a column that a shorter row lacks is missing."""
    return dict.fromkeys(COLUMNS, "") | dict(zip(columns_of(len(fields)), fields))


def field(column, text):
    """A field of a numeric column; NaN is missing."""
    if text in MISSING:
        return math.nan
    if not re.fullmatch(r"-?[0-9]{1,9}(\.0*)?", text):
        raise ValueError(f"{column} is {text!r}, not a whole number")
    value = int(text.split(".")[0])
    least, most = RANGES[column]
    if not least <= value <= most or (column in TIMES and value % 100 >= 60):
        raise ValueError(f"{column} is {text}, out of range")
    return float(value)


def encode(fields, domains):
    """One row as the model sees it: NaN where the value is missing or the category unknown.

    `domains` maps a categorical feature to its list of values.
    """
    row = dict(zip(columns_of(len(fields)), fields))
    numbers = []
    for name in FEATURES:
        value = row[name]
        if name in ALWAYS_MISSING or value in MISSING:
            numbers.append(math.nan)
        elif name not in CATEGORICAL:
            numbers.append(float(value))
        elif value in domains[name]:
            numbers.append(float(domains[name].index(value)))
        else:
            numbers.append(math.nan)
    return numbers
