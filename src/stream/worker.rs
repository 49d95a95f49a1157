//! A worker: one thread with a consumer, a producer and a scorer of its own.

use super::checkpoint::{Checkpoint, Outcome, PATIENCE};
use super::clients::ClientFactory;
use super::consumer::Consumer;
use super::failure::{Failure, is_denial, is_missing_topic, is_refusal};
use super::notes::Change;
use super::pipeline::Pipeline;
use super::positions::Positions;
use super::producer::Producer;
use super::raw::{Batch, Record};
use super::repeats::{Return, Stopped};
use super::topics::Topics;
use super::vitals::Vitals;
use crate::config::Guarantee;
use crate::lineup::Served;
use crate::metrics::{Metrics, Rebalance, Stage};
use crate::monitoring::Monitor;
use crate::output::Format;
use crate::shutdown::Shutdown;
use rdkafka::TopicPartitionList;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Records in a batch at most: enough to fill the model's kernel, little enough to stay in the cache.
const BATCH_RECORDS: usize = 1024;
/// Bytes of values in a batch at most, above which it is closed.
const BATCH_BYTES: usize = 1 << 20;
/// How long an empty poll waits, and so the longest time a signal goes unnoticed.
const IDLE: Duration = Duration::from_millis(100);
/// How soon a postponed checkpoint is tried again.
const POSTPONED: Duration = Duration::from_millis(500);
/// Aborted transactions in a row after which a new worker may do better.
const ABORTS: u32 = 3;

/// What a worker is made of. It can be built any number of times, one after the other.
#[derive(Clone)]
pub struct Worker {
    pub index: usize,
    pub factory: ClientFactory,
    pub topics: Arc<Topics>,
    pub served: Arc<Served>,
    pub format: Format,
    pub guarantee: Guarantee,
    pub checkpoint_interval: Duration,
    pub sample_every: u64,
    pub metrics: Metrics,
    pub vitals: Arc<Vitals>,
    /// Where quality and drift are watched.
    pub monitor: Option<Arc<Monitor>>,
    pub shutdown: Shutdown,
}

impl Worker {
    /// Joins the group and works until shutdown. Returns the next offset of each partition it owned at the end.
    ///
    /// # Errors
    /// What the worker cannot go on with. Offsets then stand where the last checkpoint left them.
    pub fn run(&self) -> Result<Vec<(i32, i64)>, Failure> {
        for partition in self.vitals.partitions().into_keys() {
            self.metrics.owns_no_more(&self.topics.input.name, partition);
        }
        self.vitals.restarted();
        let producer = Producer::new(
            &self.factory,
            self.index,
            self.guarantee,
            &self.topics,
            self.vitals.clone(),
            self.metrics.clone(),
        )?;
        // Before the group is joined: what a forerunner left open is settled when offsets are asked for.
        match producer.init(|| self.shutdown.is_requested()) {
            // Nothing is in hand yet.
            Err(_) if self.shutdown.is_requested() => return Ok(Vec::new()),
            initialized => initialized?,
        }
        let consumer = Consumer::subscribe(&self.factory, self.index, self.vitals.clone(), self.metrics.clone())?;
        // While the group is being joined.
        producer.prepare();
        let mut pipeline = Pipeline::new(self)?;
        let topic = self.topics.input.name.as_str();
        Running {
            worker: self,
            checkpoint: Checkpoint {
                consumer: &consumer,
                producer: &producer,
                guarantee: self.guarantee,
                topic,
                group: &self.factory.settings().group_id,
                metrics: &self.metrics,
            },
            positions: Positions::default(),
            due: Instant::now() + self.checkpoint_interval,
            topic_missing_since: None,
            aborts: 0,
            stopped: Stopped::default(),
        }
        .run(&mut pipeline)
    }
}

/// A worker at work.
struct Running<'w> {
    worker: &'w Worker,
    checkpoint: Checkpoint<'w>,
    positions: Positions,
    due: Instant,
    topic_missing_since: Option<Instant>,
    /// Transactions aborted since the last one that committed.
    aborts: u32,
    stopped: Stopped,
}

impl<'w> Running<'w> {
    fn run(mut self, pipeline: &mut Pipeline) -> Result<Vec<(i32, i64)>, Failure> {
        let mut batch = Batch::with_capacity(BATCH_RECORDS);
        while !self.worker.shutdown.is_requested() {
            match self.turn(pipeline, &mut batch) {
                Err(Failure::Abort(cause)) => {
                    // Part of the batch may be in the transaction: all of it is read again.
                    self.processed(&mut batch);
                    self.abort(*cause)?;
                }
                other => other?,
            }
        }
        let checkpoint = self.make_checkpoint(true, self.worker.shutdown.deadline());
        // After an abort nothing is in doubt: what was read since the last commit is as good as never read.
        match self.or_abort(checkpoint)? {
            Outcome::Committed | Outcome::NothingNew => {
                self.worker.vitals.finished();
                Ok(self.positions.iter().collect())
            }
            Outcome::Postponed => Err(Failure::Rebuild(
                "the offsets of the last checkpoint could not be committed".into(),
            )),
        }
    }

    /// One batch, one change of partitions, one checkpoint, as far as each is due.
    fn turn(&mut self, pipeline: &mut Pipeline, batch: &mut Batch<'w>) -> Result<(), Failure> {
        let (consumer, producer) = (self.checkpoint.consumer, self.checkpoint.producer);
        self.worker.vitals.beat();
        self.collect(batch)?;
        if consumer.topic_was_replaced() {
            return Err(Failure::Rebuild(format!(
                "{} was deleted and made again: it is read from its start",
                self.worker.topics.input.name
            )));
        }
        let change = consumer.change();
        if let Some(Change::Revoke(partitions)) = &change
            && consumer.lost_its_assignment()
        {
            batch.retain(|record| partitions.find_partition(record.topic(), record.partition()).is_none());
        }
        self.sift(batch)?;
        if !batch.is_empty() {
            self.worker.vitals.broker_answered();
            self.worker.vitals.took(batch.len());
            pipeline.process(batch, producer)?;
            self.processed(batch);
            self.worker.vitals.processed(&self.positions);
        }
        producer.serve(Duration::ZERO)?;
        if let Some(change) = change {
            self.answer(change)?;
            self.stopped.stop(&self.positions);
        }
        if Instant::now() >= self.due {
            self.make_checkpoint(false, None)?;
        }
        self.report_lag();
        self.look_for_missing_topic()
    }

    /// Takes out what comes again.
    fn sift(&mut self, batch: &mut Batch<'w>) -> Result<(), Failure> {
        let place = |record: Record<'_>| (record.partition(), record.offset());
        if !self.stopped.is_empty() {
            batch.retain(|record| {
                !self
                    .stopped
                    .repeats(record.partition(), record.offset(), &self.positions)
            });
        }
        match Return::find(batch.iter().map(place), &self.positions) {
            // librdkafka goes back where a log ends before the position, and only a new consumer knows its place then.
            Some(back) => Err(Failure::Rebuild(format!(
                "{}, partition {}, goes back from offset {} to {}: it is read from the last commit",
                self.worker.topics.input.name, back.partition, back.position, back.offset
            ))),
            None => Ok(()),
        }
    }

    fn processed(&mut self, batch: &mut Batch<'w>) {
        self.positions
            .processed(batch.iter().map(|record| (record.partition(), record.offset())));
        batch.clear();
    }

    /// Aborts the transaction where a checkpoint needs that: it then has nothing to commit.
    fn or_abort(&mut self, checkpoint: Result<Outcome, Failure>) -> Result<Outcome, Failure> {
        match checkpoint {
            Err(Failure::Abort(cause)) => self.abort(*cause).map(|()| Outcome::NothingNew),
            other => other,
        }
    }

    /// Aborts the transaction and reads its records again.
    fn abort(&mut self, cause: Failure) -> Result<(), Failure> {
        let Checkpoint {
            consumer,
            producer,
            topic,
            ..
        } = self.checkpoint;
        self.aborts += 1;
        if self.aborts > ABORTS {
            return Err(cause);
        }
        tracing::warn!(
            worker = self.worker.index,
            why = %cause,
            "the transaction is aborted, its records are read again"
        );
        let shutdown = &self.worker.shutdown;
        let deadline = shutdown.deadline().unwrap_or_else(|| Instant::now() + PATIENCE);
        match producer.abort(deadline) {
            // Only a new producer could go on, and none is needed: its coordinator ends the transaction.
            Err(Failure::Rebuild(why)) if shutdown.is_requested() => {
                tracing::warn!(
                    worker = self.worker.index,
                    why,
                    "the transaction is left to its coordinator"
                );
            }
            aborted => aborted?,
        }
        self.worker.metrics.aborted_transaction();
        let offsets = self
            .positions
            .rewind(topic)
            .map_err(|error| Failure::of("cannot list the offsets to read again", &error))?;
        match offsets {
            // Partitions that were lost are on their way out: their new owners read from the last commit.
            Some(offsets) if !consumer.lost_its_assignment() && !self.worker.shutdown.is_requested() => {
                consumer.seek(offsets)?;
            }
            _ => {}
        }
        self.worker.vitals.processed(&self.positions);
        self.due = Instant::now() + self.worker.checkpoint_interval;
        Ok(())
    }

    /// Takes records until the batch is full or there are none at hand.
    fn collect(&mut self, batch: &mut Batch<'w>) -> Result<(), Failure> {
        let consumer = self.checkpoint.consumer;
        let wait = IDLE.min(self.due.saturating_duration_since(Instant::now()));
        if let Some(first) = consumer.poll(batch, wait, BATCH_RECORDS, BATCH_BYTES) {
            self.worker.metrics.spent(Stage::Poll, first.elapsed());
        }
        // Nothing at hand can also mean that there is a change of partitions to be answered.
        consumer.errors().iter().try_for_each(|error| self.judge(error))
    }

    /// Decides whether the worker can go on after an error from poll.
    fn judge(&mut self, error: &KafkaError) -> Result<(), Failure> {
        let topic = &self.worker.topics.input.name;
        if let KafkaError::MessageConsumptionFatal(_) = error {
            return Err(Failure::Rebuild(format!("the consumer cannot go on: {error}")));
        }
        match error.rdkafka_error_code() {
            Some(code) if is_refusal(code) || is_denial(code) => {
                let group = self.checkpoint.group;
                Err(Failure::of(&format!("cannot read {topic} in group {group}"), error))
            }
            Some(code) if is_missing_topic(code) => {
                self.topic_missing_since.get_or_insert_with(Instant::now);
                self.worker.vitals.topic_is_missing(true);
                Ok(())
            }
            Some(RDKafkaErrorCode::PollExceeded) => {
                tracing::warn!(%error, "the worker polled too late and joins the group again");
                Ok(())
            }
            // librdkafka tries again by itself, and the consumer's context has told about it.
            _ => Ok(()),
        }
    }

    /// librdkafka says once that a topic is not there, and nothing more: whether it came back has to be asked.
    fn look_for_missing_topic(&mut self) -> Result<(), Failure> {
        let patience = self.worker.factory.settings().startup_timeout;
        let Some(since) = self.topic_missing_since.filter(|since| since.elapsed() >= patience) else {
            return Ok(());
        };
        let topic = &self.worker.topics.input.name;
        match self.checkpoint.consumer.sees_topic(topic) {
            Some(false) => {}
            Some(true) => {
                self.topic_missing_since = None;
                self.worker.vitals.topic_is_missing(false);
                return Ok(());
            }
            // Asked again when the patience is over once more.
            None => {
                self.topic_missing_since = Some(Instant::now());
                return Ok(());
            }
        }
        let seconds = since.elapsed().as_secs();
        Err(Failure::Refused(format!(
            "{topic} has not been there for {seconds} s; create it with `flight-delay-scorer topics`"
        )))
    }

    /// Serves a change of partitions. Before partitions go to another member, what was made of them is made
    /// durable; from partitions that are lost already nothing is committed.
    fn answer(&mut self, change: Change) -> Result<(), Failure> {
        let Worker { vitals, metrics, .. } = self.worker;
        let consumer = self.checkpoint.consumer;
        let worker = self.worker.index;
        match change {
            Change::Assign(partitions) => {
                let numbers = numbers(&partitions);
                tracing::info!(worker, partitions = ?numbers, "partitions assigned");
                if !numbers.is_empty() {
                    metrics.rebalanced(Rebalance::Assigned);
                }
                consumer.assign(&partitions)?;
                vitals.broker_answered();
                if !numbers.is_empty() {
                    self.topic_missing_since = None;
                    vitals.topic_is_missing(false);
                }
                vitals.assigned(numbers);
            }
            Change::Revoke(partitions) => {
                let numbers = numbers(&partitions);
                let checkpoint = if consumer.lost_its_assignment() {
                    tracing::warn!(
                        worker,
                        partitions = ?numbers,
                        "partitions lost: what was scored since the last checkpoint is scored again by their new owners"
                    );
                    metrics.rebalanced(Rebalance::Lost);
                    vitals.lost_membership();
                    if self.checkpoint.producer.has_open_transaction() {
                        Err(Failure::Abort(Box::new(Failure::Rebuild(
                            "its partitions were lost".into(),
                        ))))
                    } else {
                        Ok(Outcome::NothingNew)
                    }
                } else {
                    tracing::info!(worker, partitions = ?numbers, "partitions revoked");
                    metrics.rebalanced(Rebalance::Revoked);
                    self.make_checkpoint(true, None)
                };
                self.positions.forget(numbers.iter().copied());
                for &partition in &numbers {
                    metrics.owns_no_more(&self.worker.topics.input.name, partition);
                }
                vitals.revoked(numbers);
                // A transaction covers the partitions that stay, too.
                let checkpoint = self.or_abort(checkpoint);
                // The group waits for this answer, whatever became of the checkpoint.
                consumer.unassign(&partitions)?;
                checkpoint?;
            }
        }
        Ok(())
    }

    fn make_checkpoint(&mut self, last: bool, deadline: Option<Instant>) -> Result<Outcome, Failure> {
        let outcome = self.checkpoint.make(&mut self.positions, last, deadline)?;
        let interval = match outcome {
            Outcome::Committed => {
                self.aborts = 0;
                self.worker.vitals.committed();
                self.worker.vitals.checkpointed();
                self.worker.checkpoint_interval
            }
            Outcome::NothingNew => {
                self.worker.vitals.checkpointed();
                self.worker.checkpoint_interval
            }
            Outcome::Postponed => POSTPONED,
        };
        self.worker.vitals.processed(&self.positions);
        self.due = Instant::now() + interval;
        Ok(outcome)
    }

    fn report_lag(&self) {
        let Some(statistics) = self.checkpoint.consumer.statistics() else {
            return;
        };
        let topic = &self.worker.topics.input.name;
        let owned = self.worker.vitals.partitions().into_keys();
        for (partition, records) in statistics.lags(topic, owned, &self.positions) {
            self.worker.metrics.lags(topic, partition, records);
        }
    }
}

fn numbers(partitions: &TopicPartitionList) -> Vec<i32> {
    partitions
        .elements()
        .iter()
        .map(|element| element.partition())
        .collect()
}
