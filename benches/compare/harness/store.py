"""Raw figures as JSON, one file an item, from which the page can be made again."""

import datetime
import json
import os

from places import TARGET


class Store:
    def __init__(self, quick):
        # Those of a quick trial are never mixed with those that count.
        self.directory = TARGET / ("results-quick" if quick else "results")
        self.quick = quick

    def file(self, item):
        return self.directory / f"{item}.json"

    def forget(self, *items):
        for item in items:
            self.file(item).unlink(missing_ok=True)

    def begin(self, item, extent, machine):
        """Results of the item, with none of a former run."""
        self.forget(item)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        head = {"item": item, "measured": now, "extent": extent, "machine": machine}
        return Results(self.file(item), head | {"runs": [], "failures": []})

    def read(self, item):
        """None if the item was not measured."""
        return json.loads(self.file(item).read_text()) if self.file(item).exists() else None


class Results:
    """What is known of an item so far. All of it is in the file after every change."""

    def __init__(self, file, content):
        self.file, self.content = file, content

    def add(self, *runs):
        self.content["runs"] += runs
        self.write()

    def fail(self, **failure):
        """A run that failed: `what` it was, its `error`, and whether it was `lost` or came to a second try."""
        self.content["failures"].append(failure)
        self.write()

    def note(self, **facts):
        """What holds for all runs."""
        self.content |= facts
        self.write()

    @property
    def lost(self):
        return sum(failure["lost"] for failure in self.content["failures"])

    def write(self):
        self.file.parent.mkdir(parents=True, exist_ok=True)
        part = self.file.with_suffix(".part")
        part.write_text(json.dumps(self.content, indent=1) + "\n")
        # Whoever is killed meanwhile leaves the former content.
        os.replace(part, self.file)
