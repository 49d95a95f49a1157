//! `serve`: the service.

use super::{Exit, Failed};
use crate::config::Config;
use crate::lineup::{self, Served};
use crate::memory::{self, Budget};
use crate::metrics::Metrics;
use crate::model::Model;
use crate::monitoring::Monitors;
use crate::service::{Ended, Reload, Service, Signals};
use crate::shutdown::Shutdown;
use crate::stream::REASONS;
use anyhow::{Context, anyhow};
use std::sync::Arc;
use std::time::Instant;

pub(super) fn run(config: Config, instance: String) -> Result<Exit, Failed> {
    memory::keep_few_arenas();
    let started = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Before anything that takes time.
    let signals = {
        let _inside = runtime.enter();
        Signals::listen().context("cannot listen for signals")?
    };
    let model = load_model(&config)?;
    let service = prepare(config, instance, model, Shutdown::default())?;
    tracing::info!(
        load_milliseconds = started.elapsed().as_millis() as u64,
        "the model is proven"
    );
    let ended = runtime.block_on(serve(service, signals))?;
    // Threads of a worker that did not finish in time are not waited for.
    runtime.shutdown_background();
    match ended {
        Ended::Drained(_) => Ok(Exit::Success),
        Ended::DrainIncomplete(why) => {
            Err(Exit::DrainIncomplete.with(anyhow!("stopped before the last checkpoint: {why}")))
        }
        Ended::Refused(why) => Err(Exit::Kafka.with(anyhow!(why))),
        Ended::WorkerFailed(why) => Err(Exit::Worker.with(anyhow!(why))),
    }
}

async fn serve(service: Service, signals: Signals) -> Result<Ended, Failed> {
    let address = service.config.http.listen;
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address} (the setting http.listen)"))
        .map_err(|error| Exit::Configuration.with(error))?;
    tracing::info!(listen = %listener.local_addr()?, "HTTP is up");
    let signals = signals.obey(
        service.shutdown.clone(),
        service.config.shutdown.grace,
        Some(service.reload.clone()),
    );
    tokio::select! {
        ended = service.run(listener) => Ok(ended),
        never = signals => match never {},
    }
}

/// The model of the settings, proven.
pub(super) fn load_model(config: &Config) -> Result<Arc<Model>, Failed> {
    lineup::open(&config.model.path).map_err(|error| Exit::Model.with(error))
}

/// A service on these settings, with metrics of its own.
pub(super) fn prepare(
    config: Config,
    instance: String,
    model: Arc<Model>,
    shutdown: Shutdown,
) -> Result<Service, Failed> {
    let budget = Budget::find(&config.memory);
    budget
        .check(config.workers.count)
        .map_err(|error| Exit::Configuration.with(error))?;
    let metadata = model.metadata();
    let metrics = Metrics::new(&metadata.labels, &REASONS)?;
    metrics.keeps_within(budget.bytes);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        instance,
        model = metadata.name,
        model_version = metadata.version,
        sha256 = model.sha256(),
        group = config.kafka.group_id,
        brokers = config.kafka.bootstrap_servers,
        workers = config.workers.count,
        "starting"
    );
    let monitoring = &config.monitoring;
    let monitors = monitoring
        .enabled
        .then(|| Monitors::new(config.workers.count, monitoring.window));
    let served = Arc::new(Served::new(model));
    metrics.serves_models(&served.lineup());
    Ok(Service {
        config,
        instance,
        served,
        metrics,
        shutdown,
        reload: Reload::default(),
        monitors,
        topics: None,
    })
}
