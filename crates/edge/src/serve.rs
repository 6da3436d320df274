//! An HTTP server that runs until it is told to stop: bounded connections, a time limit for request heads, TLS if it is configured.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use telemetry::chain;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::budget::{CallerBudget, CallerOrigin, CallerPlace, CallerStanding};
use crate::tls::{ClientCertificate, TlsSettings};

/// The pause after the system had no room for another connection.
const PAUSE_WITHOUT_ROOM: Duration = Duration::from_secs(1);

/// The way in which serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrainOutcome {
    /// Every request was answered.
    Clean,
    /// Some requests were dropped, because the deadline passed or `hard` was cancelled.
    Dropped,
}

/// The settings of an HTTP server.
#[derive(Debug)]
pub struct HttpServer {
    /// The maximum number of connections at the same time. Beyond it, a connection whose caller has not proven who it is, or is
    /// silent, is closed for the next one.
    pub connections_max: usize,
    /// The time limit for the head of a request, for the TLS handshake, and for an idle connection.
    pub head_time_max: Duration,
    /// The time limit for requests in flight at shutdown.
    pub drain_max: Duration,
    /// The TLS settings; without them, the server speaks plain HTTP.
    pub tls: Option<TlsSettings>,
}

impl Default for HttpServer {
    fn default() -> Self {
        Self {
            // A process has 1,024 file descriptors by default.
            connections_max: 800,
            head_time_max: Duration::from_secs(30),
            drain_max: Duration::from_secs(10),
            tls: None,
        }
    }
}

/// The other end of a connection, in the extensions of each request.
#[derive(Debug, Clone)]
pub struct PeerAddress {
    /// The address, as the operating system reports it.
    pub address: IpAddr,
    /// The client certificate, proven by the handshake and signed by a configured authority.
    pub certificate: Option<ClientCertificate>,
}

/// Serves `router`. After `soft` it accepts no new connection and finishes requests in flight, for at most
/// `serving.drain_max`. After `hard` it drops everything.
pub async fn serve_router(
    listener: TcpListener,
    router: Router,
    soft: CancellationToken,
    hard: CancellationToken,
    serving: HttpServer,
) -> DrainOutcome {
    let mut connections = JoinSet::new();
    let door = Arc::new(ConnectionContext {
        router,
        soft: soft.clone(),
        head_time_max: serving.head_time_max,
        tls: serving.tls,
    });
    let room = ConnectionRoom {
        permits: Arc::new(Semaphore::new(serving.connections_max)),
        budget: CallerBudget::new(serving.connections_max, serving.connections_max),
    };
    tokio::select! {
        () = soft.cancelled() => {}
        () = hard.cancelled() => return DrainOutcome::Dropped,
        () = take_connections(&listener, &door, &room, &mut connections) => {}
    }
    drop(listener);
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => DrainOutcome::Clean,
        () = tokio::time::sleep(serving.drain_max) => DrainOutcome::Dropped,
        () = hard.cancelled() => DrainOutcome::Dropped,
    }
}

/// Accepts connections forever. The caller stops it by dropping the future.
async fn take_connections(
    listener: &TcpListener,
    door: &Arc<ConnectionContext>,
    room: &ConnectionRoom,
    connections: &mut JoinSet<()>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                let Some(place) = room.enter(from.ip()).await else { return };
                connections.spawn(Arc::clone(door).serve_connection(stream, from.ip(), place));
            }
            // The client has closed the connection already.
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                tracing::warn!(kind = ?error.kind(), "cannot take a connection");
                tokio::time::sleep(PAUSE_WITHOUT_ROOM).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Returns whether an error concerns only the connection that was being accepted.
fn is_of_the_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// The places for connections.
struct ConnectionRoom {
    permits: Arc<Semaphore>,
    budget: CallerBudget,
}

/// The place of one connection.
struct ConnectionPlace {
    standing: CallerStanding,
    place: CallerPlace,
    _permit: OwnedSemaphorePermit,
}

impl ConnectionRoom {
    /// Takes a place for a connection, and closes another one if there is none left. Waits while every connection is needed.
    async fn enter(&self, address: IpAddr) -> Option<ConnectionPlace> {
        let standing = CallerStanding::default();
        let place = self.budget.enter(CallerOrigin::of(address), standing.clone());
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
        Some(ConnectionPlace { standing, place, _permit: permit })
    }
}

/// The state that all connections share.
struct ConnectionContext {
    router: Router,
    soft: CancellationToken,
    head_time_max: Duration,
    tls: Option<TlsSettings>,
}

impl ConnectionContext {
    async fn serve_connection(self: Arc<Self>, stream: TcpStream, address: IpAddr, place: ConnectionPlace) {
        tokio::select! {
            () = self.connection(stream, address, &place.standing) => {}
            () = place.place.displaced() => {
                telemetry::metrics::connection_displaced();
                tracing::debug!(%address, "a connection was closed because others had no place");
            }
        }
    }

    async fn connection(&self, stream: TcpStream, address: IpAddr, standing: &CallerStanding) {
        // An answer must not wait for the acknowledgement of earlier packets.
        _ = stream.set_nodelay(true);
        let address = address.to_canonical();
        let Some(tls) = &self.tls else {
            return self.requests(stream, PeerAddress { address, certificate: None }, standing).await;
        };
        let handshake = tls.acceptor(std::time::Instant::now()).accept(stream);
        match tokio::time::timeout(self.head_time_max, handshake).await {
            Ok(Ok(stream)) => {
                let certificate = ClientCertificate::of(stream.get_ref().1);
                self.requests(stream, PeerAddress { address, certificate }, standing).await;
            }
            Ok(Err(error)) => tracing::debug!(error = chain(&error), "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn requests(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send,
        peer: PeerAddress,
        standing: &CallerStanding,
    ) {
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let (router, peer, standing) = (self.router.clone(), peer.clone(), standing.clone());
            async move {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(peer);
                request.extensions_mut().insert(standing.clone());
                let answer = router.oneshot(request).await;
                standing.rest();
                answer
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.head_time_max)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.soft.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error = chain(&error), "a connection ended early");
        }
    }
}
