//! Three servers that are connected by routes.

use std::net::TcpListener;

use super::TestServer;
use crate::BusConfig;

/// The number of servers that replicated streams need.
const SERVERS: usize = 3;

/// A cluster for replicated streams. Each server can be killed, paused and restarted separately.
#[derive(Debug)]
pub struct TestCluster {
    /// The servers of the cluster.
    pub servers: Vec<TestServer>,
}

impl TestCluster {
    /// Starts three servers on free ports. They may still be forming the cluster when this returns.
    ///
    /// # Panics
    /// Panics in the same cases as [`TestServer::start`].
    pub fn start() -> Self {
        Self::start_as("")
    }

    /// Starts three servers that grant each service what it needs and no more.
    ///
    /// # Panics
    /// Panics in the same cases as [`TestServer::start`].
    pub fn start_with_users() -> Self {
        Self::start_as(&super::test_users())
    }

    fn start_as(users: &str) -> Self {
        let ports = free_ports();
        let routes: Vec<String> = ports.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect();
        let start = |(number, port): (usize, &u16)| {
            let further = format!(
                "server_name: n{number}\ncluster {{ name: usher, listen: \"127.0.0.1:{port}\", routes: [{}] }}\n{users}",
                routes.join(", ")
            );
            TestServer::start_as(tempfile::tempdir().expect("a temporary folder can be made"), further)
        };
        Self { servers: ports.iter().enumerate().map(start).collect() }
    }

    /// Returns a configuration to connect to the cluster with: all servers, and every stream on all of them.
    ///
    /// # Panics
    /// Never panics: there are three servers.
    pub fn config(&self) -> BusConfig {
        let all = |of: fn(&TestServer) -> &str| self.servers.iter().map(of).collect::<Vec<_>>().join(",");
        let one = self.servers.first().expect("a cluster has servers");
        BusConfig {
            url: all(TestServer::url),
            monitor_url: Some(all(TestServer::monitor_url)),
            replicas: SERVERS,
            ..one.config()
        }
    }
}

/// Returns free ports. The servers must name each other's ports before any of them runs.
fn free_ports() -> Vec<u16> {
    let listen = |_| TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    let listeners: Vec<TcpListener> = (0..SERVERS).map(listen).collect();
    listeners.iter().map(|one| one.local_addr().expect("it is bound").port()).collect()
}
