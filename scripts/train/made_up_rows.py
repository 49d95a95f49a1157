"""Made-up rows in the on-time schema: plausible flights, and what the model must survive.

The rows describe no real flight. Year, date, times and delays are drawn at random from a
fixed seed, so the same rows come out every time.
"""

import random

from schema import COLUMNS, FEATURES

EXTREME_DATES = [
    ("1987", "1", "1"),
    ("1987", "12", "31"),
    ("1999", "12", "31"),
    ("2000", "1", "1"),
    ("2000", "2", "29"),
    ("2008", "12", "31"),
    ("2009", "1", "1"),
    ("2023", "2", "28"),
    ("2030", "6", "30"),
    ("2030", "12", "31"),
]
EXTREME_TIMES = ["0", "1", "5", "59", "100", "1159", "1200", "2359", "2400"]
UNKNOWN_CARRIERS = ["ZZ", "XX", "QQ", "aa", "Us", "PS (1)", "U", "USA", "N/A", "na", "?"]
UNKNOWN_AIRPORTS = ["ZZZ", "XXX", "QQQ", "san", "Sfo", "SA", "SANX", "N/A", "nan", "-"]


def clock(minutes):
    """Minutes since midnight as hhmm without leading zeros."""
    return str(minutes // 60 % 24 * 100 + minutes % 60)


def plausible(draw, domains):
    """A flight that could have been."""
    origin, dest = draw.sample(domains["Dest"], 2)
    if origin not in domains["Origin"]:
        origin = draw.choice(domains["Origin"])
    departure = draw.randrange(5 * 60, 24 * 60)
    elapsed = draw.randrange(40, 400)
    taxi_in, taxi_out = draw.randrange(2, 20), draw.randrange(5, 40)
    late = round(draw.gauss(5, 20))
    late_arrival = late + round(draw.gauss(0, 10))
    actual = elapsed + late_arrival - late
    row = dict.fromkeys(COLUMNS, "NA")
    row |= {
        "Year": str(draw.randrange(1987, 2031)),
        "Month": str(draw.randrange(1, 13)),
        "DayofMonth": str(draw.randrange(1, 32)),
        "DayOfWeek": str(draw.randrange(1, 8)),
        "DepTime": clock(departure + late),
        "CRSDepTime": clock(departure),
        "ArrTime": clock(departure + elapsed + late_arrival),
        "CRSArrTime": clock(departure + elapsed),
        "UniqueCarrier": draw.choice(domains["UniqueCarrier"]),
        "FlightNum": str(draw.randrange(1, 7500)),
        "TailNum": f"N{draw.randrange(100, 1000)}{draw.choice('ABCDEFGH')}{draw.choice('JKLMN')}",
        "ActualElapsedTime": str(actual),
        "CRSElapsedTime": str(elapsed),
        "AirTime": str(actual - taxi_in - taxi_out),
        "ArrDelay": str(late_arrival),
        "DepDelay": str(late),
        "Origin": origin,
        "Dest": dest,
        "Distance": str(elapsed * 7),
        "TaxiIn": str(taxi_in),
        "TaxiOut": str(taxi_out),
        "Cancelled": "0",
        "CancellationCode": "",
        "Diverted": "0",
        "IsArrDelayed": "YES" if late_arrival > 0 else "NO",
        "IsDepDelayed": "YES" if late > 0 else "NO",
    }
    if draw.random() < 0.05:
        for name in ("DepTime", "ArrTime", "ActualElapsedTime", "AirTime", "ArrDelay", "DepDelay"):
            row[name] = "NA"
        row |= {"Cancelled": "1", "CancellationCode": draw.choice("ABCD"), "TailNum": ""}
        row |= {"IsArrDelayed": "YES", "IsDepDelayed": "YES"}
    return row


def made_up_rows(domains, count=2000, seed=20240229):
    """`count` rows as dicts of column name to text; `domains` are the known categories."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        row = plausible(draw, domains)
        kind = number % 10
        if kind == 5:
            # One missing feature; all of them in turn, as NA and as an empty field.
            turn = number // 10
            row[FEATURES[turn // 2 % len(FEATURES)]] = ("NA", "")[turn % 2]
        elif kind == 6:
            # Several missing, now and then all of them.
            share = draw.choice([0.3, 0.6, 1.0])
            for name in FEATURES:
                if draw.random() < share:
                    row[name] = draw.choice(["NA", ""])
        elif kind == 7:
            # Categories that training never saw.
            known = draw.randrange(8)
            if not known & 1:
                row["UniqueCarrier"] = draw.choice(UNKNOWN_CARRIERS)
            if not known & 2:
                row["Origin"] = draw.choice(UNKNOWN_AIRPORTS)
            if not known & 4:
                row["Dest"] = draw.choice(UNKNOWN_AIRPORTS)
        elif kind == 8:
            row["CRSDepTime"] = draw.choice(EXTREME_TIMES)
            row["CRSArrTime"] = draw.choice(EXTREME_TIMES)
        elif kind == 9:
            row["Year"], row["Month"], row["DayofMonth"] = draw.choice(EXTREME_DATES)
            if draw.random() < 0.3:
                row["Dest"] = row["Origin"]
        else:
            # Years of the training data, where most of the splits are.
            row["Year"] = str(draw.randrange(1987, 2009))
        rows.append(row)
    return rows


FAMOUS = "1987,10,14,3,741,730,912,849,PS,1451,NA,91,79,NA,23,11,SAN,SFO,447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,YES"

# Rows that prove a loaded model. The first row comes with 29 fields (as published, without
# labels), with 30 (one NA before the labels lost) and with 31.
GOLDEN = [
    FAMOUS,
    FAMOUS.replace("1987", "1999", 1),
    FAMOUS.replace(",NA,YES,YES", ",YES,YES"),
    FAMOUS.removesuffix(",YES,YES").replace("1987", "1999", 1),
    # An unknown carrier, then unknown airports.
    "1994,6,21,2,1702,1655,1820,1810,ZZ,77,NA,78,75,NA,10,7,DEN,PHX,602,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,YES",
    "2003,2,28,5,905,910,1120,1125,US,310,N310US,135,135,110,-5,-5,XXX,YYY,900,6,19,0,NA,0,NA,NA,NA,NA,NA,NO,NO",
    # Missing values: a few, then every feature; NA and empty fields.
    "NA,1,NA,7,NA,NA,NA,NA,UA,,,NA,,NA,NA,NA,ORD,,NA,NA,NA,0,NA,0,NA,NA,NA,NA,NA,NO,NO",
    "NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA,NA",
    # Midnight twice over, and five minutes past it.
    "2008,1,3,4,12,0,130,115,WN,2201,N201WN,78,75,60,15,12,LAS,BUR,223,4,14,0,,0,15,0,0,0,0,YES,YES",
    "2001,9,30,7,2355,2400,108,115,HP,640,N640HP,73,75,58,-7,-5,PHX,LAS,256,5,10,0,NA,0,NA,NA,NA,NA,NA,NO,NO",
    "1990,1,6,6,5,5,110,105,DL,9,NA,65,60,NA,5,0,ATL,MCO,403,NA,NA,0,NA,0,NA,NA,NA,NA,YES,NO",
    # A year long after the training data, then a cancelled flight.
    "2030,12,31,2,1815,1800,2105,2050,AA,100,N100AA,170,170,140,15,15,SFO,ORD,1846,8,22,0,,0,15,0,0,0,0,YES,YES",
    "1997,1,9,4,NA,2115,NA,2230,US,1777,NA,NA,75,NA,NA,NA,PIT,PHL,267,NA,NA,1,NA,0,NA,NA,NA,NA,NA,YES,YES",
]
