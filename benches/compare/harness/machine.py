"""The machine and the versions, as the page states them."""

import platform
import re
import subprocess
from pathlib import Path

import cores
from places import COMPARE, PAGE, PROJECT

# Those that decide how fast a kernel for trees can be.
FLAGS = ["avx2", "fma", "avx512f", "avx512bw", "avx512vbmi"]
# What the last run wrote does not change what is measured.
BUT_THE_PAGE = f":(exclude){PAGE.relative_to(PROJECT)}"


def describe():
    cpu = dict(
        (part.strip() for part in line.split(":", 1))
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if ":" in line
    )
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    flags = cpu.get("flags", "").split()
    memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    return {
        "processor": cpu.get("model name", platform.machine()),
        "instruction_sets": [flag for flag in FLAGS if flag in flags],
        "virtual": "hypervisor" in flags,
        "cores": len(cores.ALL),
        "run_on": run_on(),
        "governor": governor.read_text().strip() if governor.exists() else None,
        "memory_bytes": int(memory[1]) * 1024,
        "versions": versions(),
    }


def run_on():
    """The processors of the broker and of the contender, and whether they are the same core's."""
    one = cores.CONTENDER in cores.siblings(cores.BROKER)
    return f"{cores.BROKER} and {cores.CONTENDER}, {'**two threads of one core**' if one else 'two cores'}"


def versions():
    lock = (PROJECT / "Cargo.lock").read_text()
    found = {
        "commit": commit(),
        "Linux kernel": platform.release(),
        "glibc": platform.libc_ver()[1],
        "rustc": first_match(r"rustc (\S+)", output("rustc", "--version")),
        # The crate's version ends with that of the library in it.
        "librdkafka": first_match(r'name = "rdkafka-sys"\nversion = "[^"+]*\+([^"]+)"', lock),
        "tract": first_match(r'name = "tract-onnx"\nversion = "([^"]+)"', lock),
        "Apache Kafka": first_match(r"^version=(\S+)", (PROJECT / "scripts/kafka").read_text()),
        "Kafka's clients and Streams": first_match(r"<kafka.version>([^<]+)<", (COMPARE / "java/pom.xml").read_text()),
        "JDK": first_match(r'version "([^"]+)"', output("java", "-version")),
    }
    pins = COMPARE / "kernel/requirements.txt"
    text = pins.read_text() if pins.exists() else ""
    for package in ("onnxruntime", "lleaves", "lightgbm"):
        found[package] = first_match(rf"^{package}==(\S+)", text)
    return found


def commit():
    name = output("git", "rev-parse", "--short=12", "HEAD").strip()
    changed = output("git", "status", "--porcelain", "--untracked-files=no", "--", ".", BUT_THE_PAGE).strip()
    return f"{name}, with changes" if changed else name


def first_match(pattern, text):
    found = re.search(pattern, text, re.MULTILINE)
    return found[1] if found else None


def output(*command):
    try:
        done = subprocess.run(command, check=False, cwd=PROJECT, capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    # Java tells its version on standard error.
    return done.stdout + done.stderr
