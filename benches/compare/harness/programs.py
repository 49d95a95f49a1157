"""Builds what is run, and says where it is."""

import json
import os
import subprocess

import contenders
from places import COMPARE, PROJECT, TARGET

SERVICE, PROBE = "service", "probe"


def build(wanted):
    """Paths of the programs, by name."""
    programs = {}
    benches = [name for name in (PROBE, contenders.PASS_THROUGH) if name in wanted]
    if benches:
        cargo = ["cargo", "bench", "--no-run", "--locked"]
        for bench in benches:
            cargo += ["--bench", bench]
        built = executables(cargo)
        programs |= {bench: built[bench] for bench in benches}
    if SERVICE in wanted:
        # After the benches, with which cargo makes the service too, in the same place, with what else they need.
        cargo = ["cargo", "build", "--release", "--locked"]
        programs[SERVICE] = executables(cargo)["flight-delay-scorer"]
    if wanted & {contenders.LOOP, contenders.STREAMS}:
        subprocess.run(["mvn", "-q", "-B", "-f", COMPARE / "java/pom.xml", "package"], check=True)
    return programs


def build_service(name, profile):
    """The path of a service with another release profile."""
    cargo = ["cargo", "build", "--release", "--locked", "--target-dir", TARGET / "builds" / name]
    changes = {f"CARGO_PROFILE_RELEASE_{key.replace('-', '_').upper()}": value for key, value in profile.items()}
    return executables(cargo, os.environ | changes)["flight-delay-scorer"]


def executables(cargo, environment=None):
    """What cargo made, by the names of the targets."""
    command = [*cargo, "--message-format=json-render-diagnostics"]
    built = subprocess.run(command, cwd=PROJECT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    messages = map(json.loads, built.stdout.splitlines())
    return {message["target"]["name"]: message["executable"] for message in messages if message.get("executable")}
