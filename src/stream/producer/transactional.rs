//! The transactions that records go out in, with exactly once.

use super::{Producer, STEP};
use crate::stream::failure::Failure;
use crate::stream::transaction::{Membership, Remedy, TransactionError, Transactions};
use rdkafka::TopicPartitionList;
use rdkafka::producer::Producer as _;
use std::time::{Duration, Instant};

/// How long a transactional call takes at most before it is made again.
const CALL: Duration = Duration::from_secs(5);
/// How long a new producer waits for the transaction coordinator, and for the end of what its forerunner left open.
const INIT: Duration = Duration::from_secs(60);
/// What a producer that is given up spends on its open transaction; its successor aborts it in any case.
const LAST_ABORT: Duration = Duration::from_secs(1);

impl Producer {
    /// Fences a producer of the same transactional id, if there is one, and waits for the end of what it left open.
    /// Goes on until `give_up` says so.
    pub fn init(&self, give_up: impl Fn() -> bool) -> Result<(), Failure> {
        let Some(id) = &self.transactional_id else {
            return Ok(());
        };
        let deadline = Instant::now() + INIT;
        let doing = format!("begin transactions as transactional.id {id}");
        self.retry(deadline, &doing, &give_up, |time| {
            Transactions::of(self.client()).init(time)
        })
        .map_err(Failure::without_transaction)
    }

    pub(super) fn begin(&self) -> Result<(), Failure> {
        if self.transactional_id.is_none() || self.open.get() {
            return Ok(());
        }
        Transactions::of(self.client())
            .begin()
            .map_err(|error| error.failure("begin a transaction"))?;
        self.open.set(true);
        Ok(())
    }

    /// Whether there is a transaction that has to be committed or aborted.
    pub fn has_open_transaction(&self) -> bool {
        self.open.get()
    }

    /// Commits the transaction with these offsets in it. Everything sent has to be acknowledged before.
    ///
    /// # Errors
    /// `Abort` where the transaction did not commit and has to be aborted. `Unreachable` where it is not known whether
    /// it did: a new producer settles that.
    pub fn commit(
        &self,
        offsets: &TopicPartitionList,
        membership: &Membership,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let transactions = Transactions::of(self.client());
        self.retry(
            deadline,
            "add offsets to the transaction",
            || false,
            |time| transactions.send_offsets(offsets, membership, time),
        )
        .map_err(|failure| match failure {
            // Not committed, so it can be aborted and made again.
            late @ Failure::Unreachable(_) => Failure::Abort(Box::new(late)),
            other => other,
        })?;
        self.retry(
            deadline,
            "commit the transaction",
            || false,
            |time| transactions.commit(time),
        )?;
        self.open.set(false);
        self.measure(0);
        Ok(())
    }

    /// Aborts the transaction, if one is open. Nothing of it will be read by readers of committed records.
    pub fn abort(&self, deadline: Instant) -> Result<(), Failure> {
        if !self.open.get() {
            return Ok(());
        }
        self.retry(
            deadline,
            "abort the transaction",
            || false,
            |time| {
                // Records that are purged leave the count only when their reports are served.
                self.client().poll(Duration::ZERO);
                let step = if self.client().in_flight_count() > 0 {
                    STEP
                } else {
                    time
                };
                Transactions::of(self.client()).abort(step)
            },
        )
        .map_err(Failure::without_transaction)?;
        self.client().poll(Duration::ZERO);
        // What failed belonged to the transaction.
        self.client().context().failed().take();
        self.batches.clear();
        self.open.set(false);
        Ok(())
    }

    /// Calls again as long as the error asks for it and there is time.
    fn retry(
        &self,
        deadline: Instant,
        doing: &str,
        give_up: impl Fn() -> bool,
        call: impl Fn(Duration) -> Result<(), TransactionError>,
    ) -> Result<(), Failure> {
        loop {
            self.vitals.beat();
            let left = deadline.saturating_duration_since(Instant::now());
            match call(left.min(CALL)) {
                Ok(()) => return Ok(()),
                Err(error) if error.remedy == Remedy::Retry && Instant::now() < deadline && !give_up() => {
                    tracing::debug!(%error, doing, "tried again");
                    self.client().poll(STEP);
                }
                Err(error) => return Err(error.failure(doing)),
            }
        }
    }
}

impl Drop for Producer {
    /// Readers of committed records wait for the end of a transaction: an open one is not left to its time-out.
    fn drop(&mut self) {
        if let Err(failure) = self.abort(Instant::now() + LAST_ABORT) {
            tracing::debug!(%failure, "while closing");
        }
    }
}
