//! A real Kafka, started once for all tests of the process.

use super::program::PROGRAM;
use super::{PATIENCE, poll_until, signal};
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};

/// Starts the cluster, waits until its standard input closes, which is when the tests' process ends in whatever
/// way, and leaves nothing behind: no service whose process id it was told, no broker, no file.
const KEEPER: &str = r#"
script=$1 dir=$2 program=$3
shift 3
"$script" start --port 0 --dir "$dir" "$@" </dev/null 2>&1 || { rm -rf "$dir"; exit 1; }
pids=
while read -r pid; do pids="$pids $pid"; done
exec >/dev/null 2>&1
for pid in $pids; do
  case $(readlink "/proc/$pid/exe") in "$program"*) kill -9 "$pid" ;; esac
done
"$script" stop --dir "$dir"
rm -rf "$dir"
"#;

/// The replication that the script sets: as many as there are brokers, at most three.
const CLUSTERS_OWN: i32 = -1;

pub const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/kafka");

pub struct Kafka {
    pub bootstrap_servers: String,
    /// Addresses of the further listeners, by their names.
    pub listeners: BTreeMap<String, String>,
    /// What the script keeps of the cluster. It goes when the cluster goes.
    pub dir: PathBuf,
    keeper: Mutex<Child>,
}

/// The topics and the group of one test.
#[derive(Debug, Clone)]
pub struct Names {
    pub input: String,
    pub output: String,
    pub dead_letter: String,
    pub group: String,
}

impl Names {
    pub fn of(test: &str) -> Names {
        Names {
            input: format!("{test}-in"),
            output: format!("{test}-out"),
            dead_letter: format!("{test}-dead"),
            group: format!("{test}-group"),
        }
    }

    /// As settings of the program.
    pub fn settings(&self) -> Vec<String> {
        [
            ("kafka.input_topic", &self.input),
            ("kafka.output_topic", &self.output),
            ("kafka.dead_letter_topic", &self.dead_letter),
            ("kafka.group_id", &self.group),
        ]
        .map(|(setting, value)| format!("{setting}={value}"))
        .to_vec()
    }
}

impl Kafka {
    /// The cluster of this process, of one broker.
    ///
    /// # Panics
    /// Where it does not start, with what the script said.
    pub fn shared() -> &'static Kafka {
        static SHARED: OnceLock<Kafka> = OnceLock::new();
        SHARED.get_or_init(|| Kafka::start(&[]))
    }

    /// A cluster of its own, with these options of the script's `start`, which ends when this is dropped.
    ///
    /// # Panics
    /// As [`shared`](Self::shared).
    pub fn start(options: &[&str]) -> Kafka {
        let dir = tempfile::Builder::new()
            .prefix("kafka-")
            .tempdir()
            .expect("a temporary directory");
        let mut keeper = Command::new("sh");
        keeper
            .arg("-c")
            .arg(KEEPER)
            .args(["sh", SCRIPT])
            .arg(dir.path())
            .arg(PROGRAM)
            // Tests have records of years ago, which retention would take away when it happens to look.
            .args(["--set", "log.retention.ms=-1"])
            .args(options);
        // A group of its own: Ctrl-C ends the tests, and the keeper then ends the cluster.
        keeper.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        #[expect(clippy::zombie_processes, reason = "it outlives the tests, that is what it is for")]
        let mut keeper = keeper.spawn().expect("sh starts");
        // From here on the directory is the keeper's.
        let dir = dir.keep();
        let mut listeners = BTreeMap::new();
        let mut said = String::new();
        let mut lines = BufReader::new(keeper.stdout.take().expect("standard output is a pipe"));
        loop {
            let start = said.len();
            let read = lines.read_line(&mut said).expect("the script writes UTF-8");
            let line = said[start..].trim_end();
            if let Some((name, servers)) = line.strip_prefix("listener ").and_then(|it| it.split_once('=')) {
                listeners.insert(name.to_owned(), servers.to_owned());
            }
            if let Some(servers) = line.strip_prefix("bootstrap.servers=") {
                return Kafka {
                    bootstrap_servers: servers.to_owned(),
                    listeners,
                    dir,
                    keeper: Mutex::new(keeper),
                };
            }
            assert!(read > 0, "Kafka did not start:\n{said}");
        }
    }

    /// Sends a signal to a broker, by its number from 1.
    pub fn signal(&self, broker: usize, name: &str) {
        let pid = fs::read_to_string(self.dir.join(format!("broker-{broker}/pid"))).expect("the broker has a pid file");
        let process = pid.trim().parse().expect("a process id");
        signal::send(name, process).unwrap_or_else(|error| panic!("broker {broker}: {error}"));
    }

    /// Starts the brokers that are down.
    pub fn revive(&self) {
        let output = Command::new(SCRIPT)
            .args(["start", "--dir"])
            .arg(&self.dir)
            .output()
            .unwrap();
        assert!(output.status.success(), "Kafka did not start again: {output:?}");
    }

    /// The process does not outlive the tests'.
    pub fn keep(&self, process: u32) {
        let mut keeper = self.keeper.lock().unwrap();
        let stdin = keeper.stdin.as_mut().expect("standard input is a pipe");
        writeln!(stdin, "{process}").expect("the keeper of the cluster lives");
    }

    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap_servers);
        config
    }

    pub fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().expect("an admin client");
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(CLUSTERS_OWN));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let created = runtime
            .block_on(admin.create_topics([&topic], &options))
            .expect("an answer");
        assert_eq!(created, [Ok(name.to_owned())]);
    }

    pub fn delete_topic(&self, name: &str) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().expect("an admin client");
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let deleted = runtime
            .block_on(admin.delete_topics(&[name], &options))
            .expect("an answer");
        assert_eq!(deleted, [Ok(name.to_owned())]);
    }

    /// Gives a topic more partitions: `partitions` in all.
    pub fn add_partitions(&self, name: &str, partitions: usize) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().expect("an admin client");
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let added = runtime
            .block_on(admin.create_partitions([&NewPartitions::new(name, partitions)], &options))
            .expect("an answer");
        assert_eq!(added, [Ok(name.to_owned())]);
    }

    /// Input, output and dead letter topic with ten partitions each and Kafka's own settings.
    pub fn create_topics(&self, names: &Names) {
        for name in [&names.input, &names.output, &names.dead_letter] {
            self.create_topic(name, 10, &[]);
        }
    }

    /// A consumer without partitions, outside of every group unless it commits.
    pub fn consumer(&self, group: &str) -> BaseConsumer {
        let mut config = self.client();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("fetch.queue.backoff.ms", "10");
        config.create().expect("a consumer")
    }

    /// The end of each partition. A topic that was made a moment ago may not be known at once.
    pub fn ends(&self, topic: &str) -> Vec<i64> {
        self.ends_of(topic, "read_uncommitted")
    }

    /// The end of each partition once no transaction is open in any.
    pub fn settled_ends(&self, topic: &str) -> Vec<i64> {
        poll_until("open transactions to end", PATIENCE, || {
            let (stable, all) = (self.ends_of(topic, "read_committed"), self.ends(topic));
            if stable == all { Ok(all) } else { Err((stable, all)) }
        })
    }

    fn ends_of(&self, topic: &str, isolation: &str) -> Vec<i64> {
        let consumer: BaseConsumer = self
            .client()
            .set("isolation.level", isolation)
            .create()
            .expect("a consumer");
        let metadata = || {
            consumer
                .fetch_metadata(Some(topic), PATIENCE)
                .map_err(|error| error.to_string())
        };
        let partitions = poll_until("partitions", PATIENCE, || {
            match metadata()?.topics()[0].partitions().len() {
                0 => Err(format!("{topic} has no partitions")),
                some => Ok(i32::try_from(some).unwrap()),
            }
        });
        let end = |partition| {
            poll_until("watermarks", PATIENCE, || {
                // A client that reads nothing does not look by itself where a partition has gone.
                metadata()?;
                let watermarks = consumer.fetch_watermarks(topic, partition, PATIENCE);
                watermarks.map_err(|error| error.to_string())
            })
            .1
        };
        (0..partitions).map(end).collect()
    }

    /// What the group has committed for each partition, 0 where nothing.
    pub fn committed(&self, group: &str, topic: &str, partitions: i32) -> Vec<i64> {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, partitions - 1);
        let consumer = self.consumer(group);
        // The first question to a cluster makes it create the topic of the offsets, which it cannot wait for.
        let committed = poll_until("committed offsets", PATIENCE, || {
            consumer.committed_offsets(list.clone(), PATIENCE)
        });
        let offset = |partition| match committed.find_partition(topic, partition).unwrap().offset() {
            Offset::Offset(offset) => offset,
            _ => 0,
        };
        (0..partitions).map(offset).collect()
    }

    /// Commits offsets for a group that has no members, as an earlier service would have left them.
    pub fn commit(&self, group: &str, topic: &str, offsets: &[i64]) {
        let mut list = TopicPartitionList::new();
        for (partition, &offset) in (0..).zip(offsets) {
            list.add_partition_offset(topic, partition, Offset::Offset(offset))
                .unwrap();
        }
        let consumer = self.consumer(group);
        poll_until("a commit", PATIENCE, || consumer.commit(&list, CommitMode::Sync));
    }
}
