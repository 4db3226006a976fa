//! `lanewright serve`: the service, until it is told to end.

use anyhow::anyhow;
use tokio::signal::unix::{SignalKind, signal};

use super::Exit;
use super::service::{Service, runtime};
use crate::app::{self, App, Around};
use crate::clock::Clock;
use crate::telemetry::{self, ServiceStarted};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    service: Service,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let Some(settings) = arguments.service.settings() else { return Ok(Exit::Failed) };
    let telemetry = telemetry::start(&settings.log, settings.otlp.as_ref())?;
    let runtime = runtime()?;
    let served = runtime.block_on(async {
        let (listen, metrics_listen) = (settings.listen, settings.metrics_listen);
        let around = Around {
            clock: Clock::System,
            metrics: telemetry.metrics.clone(),
            compiler: std::env::current_exe()?,
        };
        let app = App::build(settings, around).await?;
        let listener = app::listen(listen).await?;
        let metrics_listener = match metrics_listen {
            Some(address) => Some(app::listen(address).await?),
            None => None,
        };
        ServiceStarted { listen: listener.local_addr()? }.emit();
        let mut end = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let told = async move {
            tokio::select! {
                _ = end.recv() => {}
                _ = interrupt.recv() => {}
            }
            // Whoever asks twice does not want to wait.
            tokio::spawn(async move {
                tokio::select! {
                    _ = end.recv() => {}
                    _ = interrupt.recv() => {}
                }
                std::process::exit(i32::from(Exit::Failed as u8));
            });
        };
        app.serve(listener, metrics_listener, told).await
    });
    let cut_off = served.map_err(|error| anyhow!(error));
    telemetry.end();
    cut_off.map(|_| Exit::Done)
}
