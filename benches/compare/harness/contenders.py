"""The contenders, and how each is told the settings of a run."""

import os
from dataclasses import dataclass, replace

from places import COMPARE, LOGS, TARGET
from process import Process

OURS, PASS_THROUGH, LOOP, STREAMS = "ours", "pass-through", "loop", "streams"
# In the order in which they take turns within a round.
ALL = [OURS, PASS_THROUGH, LOOP, STREAMS]
# The same heap for both; on one core there is no better collector than the serial one.
JAVA = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-jar", COMPARE / "java/target/contenders.jar"]
# Real outputs of the service, which the pass-through writes.
VALUES = TARGET / "values.jsonl"


@dataclass(frozen=True)
class Settings:
    """Those that the service ships with, as far as nothing else is said."""

    compression: str = "lz4"
    linger_ms: int = 5
    guarantee: str = "at_least_once"
    interval_ms: int = 5_000
    workers: int = 1
    # Which build of ours.
    program: str = "service"
    # Further settings of ours.
    environment: tuple = ()

    def exactly_once(self, interval_ms=100):
        return replace(self, guarantee="exactly_once", interval_ms=interval_ms)

    @property
    def is_exactly_once(self):
        return self.guarantee == "exactly_once"


def start(contender, settings, programs, servers, group, input_topic, output_topic, dead_letters):
    """The contender as a process, at work."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCORER_")}
    if contender == OURS:
        command = [programs[settings.program], "serve"]
        environment |= {
            "SCORER_KAFKA__BOOTSTRAP_SERVERS": servers,
            "SCORER_KAFKA__GROUP_ID": group,
            "SCORER_KAFKA__INPUT_TOPIC": input_topic,
            "SCORER_KAFKA__OUTPUT_TOPIC": output_topic,
            "SCORER_KAFKA__DEAD_LETTER_TOPIC": dead_letters,
            "SCORER_HTTP__LISTEN": "127.0.0.1:0",
            "SCORER_LOG__FORMAT": "json",
        }
        # What is shipped is left as it is.
        shipped = Settings()
        if settings.compression != shipped.compression:
            environment["SCORER_KAFKA__PRODUCER__COMPRESSION_TYPE"] = settings.compression
        if settings.linger_ms != shipped.linger_ms:
            environment["SCORER_KAFKA__PRODUCER__LINGER_MS"] = str(settings.linger_ms)
        if settings.guarantee != shipped.guarantee:
            environment["SCORER_DELIVERY__GUARANTEE"] = settings.guarantee
        if settings.interval_ms != shipped.interval_ms:
            environment["SCORER_DELIVERY__CHECKPOINT_INTERVAL"] = f"{settings.interval_ms}ms"
        if settings.workers != shipped.workers:
            environment["SCORER_WORKERS__COUNT"] = str(settings.workers)
        environment |= dict(settings.environment)
    else:
        command = [programs[PASS_THROUGH]] if contender == PASS_THROUGH else [*JAVA, contender]
        arguments = {
            "bootstrap-servers": servers,
            "input-topic": input_topic,
            "output-topic": output_topic,
            "group": group,
            "compression": settings.compression,
            "linger-ms": settings.linger_ms,
            "guarantee": settings.guarantee,
            "commit-interval-ms": settings.interval_ms,
        }
        if contender == PASS_THROUGH:
            arguments["values"] = VALUES
        for name, value in arguments.items():
            command += [f"--{name}", value]
    return Process(command, environment, LOGS / f"{contender}-{group}.log")
