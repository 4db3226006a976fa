//! Connections: taken, served, and let go in good order.
//!
//! Whoever sends a request's head slowly is let go, so that nobody holds a connection for nothing; a body has to come
//! within the time that its request may take.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse as _;
use axum::{Router, routing};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use super::{Api, router};
use crate::telemetry::{CONTENT_TYPE as METRICS, Metrics};

/// How long connections are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For the whole head of a request, from when the connection is there or the request before was answered.
    pub head: Duration,
    /// For what has begun, at the end.
    pub drain: Duration,
}

impl Patience {
    /// Of a service; at its end it waits for nobody.
    pub const DEFAULT: Self = Self { head: Duration::from_secs(10), drain: Duration::ZERO };
}

/// Connections at once; whoever comes then waits to be taken.
const CONNECTIONS: usize = 10_000;

/// How long nobody is taken after the system had no room for another connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until it is told to end, then lets connections end; how many were cut off.
pub async fn serve(listener: TcpListener, api: Api, end: watch::Receiver<bool>, patience: Patience) -> usize {
    serve_router(listener, router(api), end, patience).await
}

/// Serves nothing but metrics.
pub async fn serve_metrics(listener: TcpListener, metrics: Metrics, end: watch::Receiver<bool>) {
    let get = move || async move { ([(CONTENT_TYPE, METRICS)], metrics.encode()).into_response() };
    let router = Router::new().route("/metrics", routing::get(get));
    serve_router(listener, router, end, Patience::DEFAULT).await;
}

async fn serve_router(
    listener: TcpListener,
    router: Router,
    mut end: watch::Receiver<bool>,
    patience: Patience,
) -> usize {
    // Without a look at which version it is, for which a client that says nothing could let us wait for ever.
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience.head);
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let taken = tokio::select! {
            _ = end.wait_for(|end| *end) => break,
            taken = take(&listener, &room) => taken,
        };
        let Some((stream, place)) = taken else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that goes away is its own affair.
            let _ = watched.await;
            drop(place);
        });
    }
    drop(listener);
    let all = graceful.shutdown();
    match tokio::time::timeout(patience.drain, all).await {
        Ok(()) => 0,
        Err(_) => CONNECTIONS - room.available_permits(),
    }
}

type Taken = (tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit);

/// The next connection, once there is room for it; nothing where the system has none.
async fn take(listener: &TcpListener, room: &Arc<Semaphore>) -> Option<Taken> {
    let place = Arc::clone(room).acquire_owned().await.ok()?;
    let (stream, _) = listener.accept().await.ok()?;
    let _ = stream.set_nodelay(true);
    Some((stream, place))
}
