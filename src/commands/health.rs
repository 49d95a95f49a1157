//! `health`: probes a running service, for images that have no shell and no curl.

use super::{Exit, Failed, show};
use crate::config::Config;
use anyhow::anyhow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks a running service how it is. The exit code is 0 where it is well and 8 where it is not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: flight-delay-scorer health ready")]
pub struct Args {
    /// What to ask for
    #[arg(value_enum, default_value_t = Probe::Live)]
    probe: Probe,
    /// Address of the service [default: the setting http.listen, on this host]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Probe {
    /// It runs and is not stuck
    Live,
    /// It can work now: connected, partitions assigned, not stopping
    Ready,
    /// It has come up: model proven, workers started
    Startup,
}

impl Probe {
    fn path(self) -> &'static str {
        match self {
            Probe::Live => "/health/live",
            Probe::Ready => "/health/ready",
            Probe::Startup => "/health/startup",
        }
    }
}

pub(super) fn run(args: Args, config: &Config) -> Result<Exit, Failed> {
    let url = url(args.url, config.http.listen, args.probe);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        // A proxy of the environment is not meant for this.
        .proxy(None)
        .build()
        .into();
    let unhealthy = |what: String| Exit::Unhealthy.with(anyhow!("{url}: {what}"));
    let mut answer = agent
        .get(&url)
        .call()
        .map_err(|error| unhealthy(format!("no answer: {error}")))?;
    let status = answer.status();
    let body = answer
        .body_mut()
        .read_to_string()
        .map_err(|error| unhealthy(format!("{status}: {error}")))?;
    if status != 200 {
        return Err(unhealthy(format!("{status}: {}", body.trim_end())));
    }
    show(format_args!("{}", body.trim_end()));
    Ok(Exit::Success)
}

fn url(base: Option<String>, listen: SocketAddr, probe: Probe) -> String {
    let base = base.unwrap_or_else(|| {
        let ip = match listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        format!("http://{}", SocketAddr::new(ip, listen.port()))
    });
    format!("{}{}", base.trim_end_matches('/'), probe.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_that_of_the_settings_on_this_host() {
        for (listen, expected) in [
            ("0.0.0.0:8080", "http://127.0.0.1:8080/health/live"),
            ("[::]:81", "http://[::1]:81/health/live"),
            ("10.1.2.3:8080", "http://10.1.2.3:8080/health/live"),
        ] {
            assert_eq!(url(None, listen.parse().unwrap(), Probe::Live), expected);
        }
        let given = url(
            Some("http://scorer:8080/".into()),
            "0.0.0.0:1".parse().unwrap(),
            Probe::Ready,
        );
        assert_eq!(given, "http://scorer:8080/health/ready");
    }
}
