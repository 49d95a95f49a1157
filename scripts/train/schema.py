"""The on-time row and how its fields become the numbers the model is fed."""

import math

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
