//! Health, metrics and status over HTTP. Nothing here changes state.

use super::readiness::Readiness;
use super::reload::Reloader;
use crate::lineup::Served;
use crate::metrics::{Metrics, Now};
use crate::model::Model;
use crate::monitoring::{Monitors, Snapshot};
use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use std::sync::Arc;

/// What the answers are made of.
#[derive(Clone)]
pub struct Service {
    pub readiness: Readiness,
    pub metrics: Metrics,
    pub served: Arc<Served>,
    pub reloader: Reloader,
    pub monitors: Option<Monitors>,
    pub instance: String,
}

impl Service {
    /// What is seen of the models in service, where they are monitored.
    fn snapshot(&self) -> Option<Snapshot> {
        let monitors = self.monitors.as_ref()?;
        Some(Snapshot::take(monitors, &self.served.lineup()))
    }
}

#[cfg(any(test, fuzzing))]
impl Service {
    /// As it is before any worker runs.
    pub fn without_workers() -> anyhow::Result<Service> {
        let model = Arc::new(Model::embedded()?);
        let metrics = Metrics::new(&model.metadata().labels, &crate::stream::REASONS)?;
        let served = Arc::new(Served::new(model));
        Ok(Service {
            readiness: Readiness::new(Vec::new(), crate::shutdown::Shutdown::default()),
            reloader: Reloader::new(crate::config::Model::default(), served.clone(), metrics.clone(), 0),
            metrics,
            served,
            monitors: None,
            instance: "nobody".into(),
        })
    }
}

const INDEX: &str = "flight-delay-scorer\n\n/health/live  /health/ready  /health/startup\n/metrics\n/status\n";

pub fn router(service: Service) -> Router {
    Router::new()
        .route("/", get(|| async { INDEX }))
        .route(
            "/health/live",
            get(|State(service): State<Service>| async move { health(&service.readiness.live()) }),
        )
        .route(
            "/health/ready",
            get(|State(service): State<Service>| async move { health(&service.readiness.ready()) }),
        )
        .route(
            "/health/startup",
            get(|State(service): State<Service>| async move { health(&service.readiness.startup()) }),
        )
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .layer(middleware::from_fn(only_questions))
        .with_state(service)
}

/// Lets nothing through that could change anything: no other method, and no body, which nobody here would read.
async fn only_questions(request: Request, next: Next) -> Response {
    match *request.method() {
        Method::GET | Method::HEAD if request.body().is_end_stream() => next.run(request).await,
        Method::GET | Method::HEAD => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        _ => (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")]).into_response(),
    }
}

fn health(failing: &[String]) -> Response {
    let (code, status) = match failing {
        [] => (StatusCode::OK, "ok"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "failing"),
    };
    json_answer(code, &json!({ "status": status, "failing": failing }))
}

async fn metrics(State(service): State<Service>) -> Response {
    let workers = service.readiness.workers();
    let now = Now {
        checkpoint_age: workers
            .iter()
            .map(|vitals| vitals.since_checkpoint())
            .max()
            .unwrap_or_default(),
        partitions: workers.iter().map(|vitals| vitals.partitions().len()).sum(),
        ready: service.readiness.ready().is_empty(),
    };
    match service.metrics.render(&now, service.snapshot().as_ref()) {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn status(State(service): State<Service>) -> Response {
    let lineup = service.served.lineup();
    let model = |model: &Model| {
        let metadata = model.metadata();
        json!({ "name": metadata.name, "version": metadata.version, "sha256": model.sha256() })
    };
    let refused = service.reloader.refused();
    let refused: Vec<_> = refused
        .iter()
        .map(|(role, why)| json!({ "role": role.name(), "why": why }))
        .collect();
    let workers: Vec<_> = service
        .readiness
        .workers()
        .iter()
        .map(|vitals| {
            json!({
                "partitions": vitals.partitions(),
                "uncommitted_records": vitals.uncommitted(),
                "seconds_since_checkpoint": vitals.since_checkpoint().as_secs_f64(),
                "seconds_since_broker_answered": vitals.since_broker_answered().map(|since| since.as_secs_f64()),
            })
        })
        .collect();
    let status = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "instance": service.instance,
        "model": model(&lineup.champion),
        "challenger": lineup.challenger.as_deref().map(model),
        "refused_models": refused,
        "monitoring": service.snapshot().map(|snapshot| snapshot.status()),
        "not_ready": service.readiness.ready(),
        "totals": service.metrics.totals(),
        "workers": workers,
    });
    json_answer(StatusCode::OK, &status)
}

fn json_answer(code: StatusCode, body: &serde_json::Value) -> Response {
    (code, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
