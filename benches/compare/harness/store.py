"""Raw figures as JSON, one file an item, from which the page can be made again."""

import datetime
import json

from places import TARGET


class Store:
    def __init__(self, quick):
        # Those of a quick trial are never mixed with those that count.
        self.directory = TARGET / ("results-quick" if quick else "results")
        self.quick = quick

    def write(self, item, extent, machine, found):
        self.directory.mkdir(parents=True, exist_ok=True)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        result = {"item": item, "measured": now, "extent": extent, "machine": machine} | found
        file = self.directory / f"{item}.json"
        file.write_text(json.dumps(result, indent=1) + "\n")
        return file

    def read(self, item):
        """None if the item was not measured."""
        file = self.directory / f"{item}.json"
        return json.loads(file.read_text()) if file.exists() else None
