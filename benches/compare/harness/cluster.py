"""A real Kafka broker with its data in memory, and what the runs ask of it."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

import cores
from places import PROJECT
from progress import say

NAME = "flight-delay-scorer-bench"
# What the largest item has in topics at one time, with room to spare.
NEEDED_BYTES = 6 << 30
PATIENCE = 60
# A run must not meet retention, nor segments that roll all the time.
TOPIC = {"retention.ms": "-1", "retention.bytes": "-1", "segment.bytes": str(256 << 20)}
# The loaded batches, before compression, and the rows that go to a partition before the next has its turn.
LOADED_BATCH_BYTES = 64 << 10
BLOCK_ROWS = 500


class Cluster:
    """Used in a `with`; the broker and its data are gone afterwards."""

    def __init__(self):
        memory = Path("/dev/shm")
        self.in_memory = memory.is_dir() and shutil.disk_usage(memory).free > NEEDED_BYTES
        if not self.in_memory:
            print("bench: /dev/shm has no room: the broker's data are on a disk, and wait for it", file=sys.stderr)
        self.directory = (memory if self.in_memory else Path(tempfile.gettempdir())) / NAME
        self.admin = None
        self.numbers = iter(range(1, 1 << 30))

    def __enter__(self):
        if self.directory.exists():
            sys.exit(
                f"bench: {self.directory} is there: another run of this is under way, or one was killed. "
                f"If so: scripts/kafka stop --dir {self.directory}, and remove what is left of it"
            )
        # The broker is not what is measured: it gets what it needs, and the compiler that a broker in service has.
        options = os.environ | {"KAFKA_OPTS": "-Xms2g -Xmx2g -XX:TieredStopAtLevel=4 -XX:+UseSerialGC"}
        start = [PROJECT / "scripts/kafka", "start", "--dir", self.directory, "--port", "0"]
        for setting in [
            "log.segment.delete.delay.ms=1000",
            "num.network.threads=2",
            "num.io.threads=4",
            "offsets.topic.segment.bytes=16777216",
        ]:
            start += ["--set", setting]
        try:
            started = subprocess.run(
                cores.pinned(cores.BROKER, start), env=options, check=True, stdout=subprocess.PIPE, text=True
            )
            self.servers = started.stdout.splitlines()[-1].removeprefix("bootstrap.servers=")
            self.admin = AdminClient({"bootstrap.servers": self.servers, "log_level": 3})
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # Before the broker, whose end it would complain of.
        self.admin = None
        stop = [PROJECT / "scripts/kafka", "stop", "--dir", self.directory]
        # Whoever presses Ctrl-C again must not keep it from cleaning up.
        subprocess.run(stop, check=False, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def create(self, kind, partitions=10):
        """A new topic of that kind, and its name."""
        name = f"{kind}-{next(self.numbers)}"
        self.admin.create_topics([NewTopic(name, partitions, 1, config=TOPIC)])[name].result(PATIENCE)
        until = time.monotonic() + PATIENCE
        while True:
            try:
                # Makes the client ask for the topic, of which it does not know yet.
                self.admin.list_topics(name, PATIENCE)
                self.end(name, partitions)
                return name
            except KafkaException:
                # A broker says various things of a topic that it has just created.
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    @contextlib.contextmanager
    def topic(self, kind, partitions=10):
        """A new topic that is gone after the `with`, however that ends."""
        name = self.create(kind, partitions)
        try:
            yield name
        finally:
            try:
                self.delete(name)
            except KafkaException as error:
                # Not to hide why a run failed.
                say(f"cannot delete {name}: {error}")

    def delete(self, *topics):
        for deleted in self.admin.delete_topics(list(topics)).values():
            deleted.result(PATIENCE)

    def group(self):
        return f"bench-{next(self.numbers)}"

    def load(self, lines, rows, partitions=10):
        """A new topic with so many rows, the lines in turn, in blocks over all partitions, with the present time."""
        topic = self.create("Input", partitions)
        with cores.everywhere():
            producer = Producer(
                {
                    "bootstrap.servers": self.servers,
                    "enable.idempotence": True,
                    # What failed shows in what was loaded.
                    "log_level": 0,
                    "compression.type": "lz4",
                    "linger.ms": 100,
                    "batch.size": LOADED_BATCH_BYTES,
                    "queue.buffering.max.messages": 200_000,
                    "queue.buffering.max.kbytes": 1 << 20,
                }
            )
            for number in range(rows):
                value, partition = lines[number % len(lines)], number // BLOCK_ROWS % partitions
                while True:
                    try:
                        producer.produce(topic, value, partition=partition)
                        break
                    except BufferError:
                        producer.poll(0.01)
            producer.flush(PATIENCE)
        loaded = self.end(topic, partitions)
        if loaded != rows:
            raise RuntimeError(f"{topic} has {loaded} records instead of {rows}")
        return topic

    def end(self, topic, partitions=10):
        """Records that the topic ever had, those that Kafka itself writes at the end of a transaction among them."""
        wanted = {TopicPartition(topic, partition): OffsetSpec.latest() for partition in range(partitions)}
        ends = self.admin.list_offsets(wanted, request_timeout=PATIENCE)
        return sum(end.result(PATIENCE).offset for end in ends.values())

    def committed(self, group, topic, partitions=10):
        """Records of the topic that the group has done with."""
        wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, p) for p in range(partitions)])
        answer = self.admin.list_consumer_group_offsets([wanted])[group].result(PATIENCE)
        return sum(max(partition.offset, 0) for partition in answer.topic_partitions)

    def wait_for_member(self, group, process):
        """Until somebody is in the group and has its partitions."""
        while True:
            try:
                described = self.admin.describe_consumer_groups([group])[group].result(PATIENCE)
                if any(member.assignment.topic_partitions for member in described.members or ()):
                    return
            except KafkaException:
                # Until somebody joins there is no such group, nor always a coordinator.
                pass
            process.check()
            if time.monotonic() > process.spawned + PATIENCE:
                raise RuntimeError(f"nobody joined {group}\n{process.tail()}")
            time.sleep(0.1)

    def reader(self, topic, partitions=10, offset=0):
        """A reader of committed records, of all partitions from that offset."""
        reader = Consumer(
            {
                "bootstrap.servers": self.servers,
                "group.id": "reader",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "log_level": 0,
                "fetch.wait.max.ms": 10,
            }
        )
        reader.assign([TopicPartition(topic, partition, offset) for partition in range(partitions)])
        return reader

    def read(self, topic, each, partitions=10, offset=0):
        """The first records of every partition from that offset: lists of (key, value, timestamp) by partition."""
        read = {partition: [] for partition in range(partitions)}
        reader = self.reader(topic, partitions, offset)
        until = time.monotonic() + PATIENCE
        while any(len(records) < each for records in read.values()):
            for message in reader.consume(1_000, 0.1):
                if message.error():
                    raise RuntimeError(f"cannot read {topic}: {message.error()}")
                read[message.partition()].append((message.key(), message.value(), message.timestamp()))
            if time.monotonic() > until:
                raise RuntimeError(f"{topic} does not have {each} records a partition from offset {offset}")
        reader.close()
        return {partition: records[:each] for partition, records in read.items()}
