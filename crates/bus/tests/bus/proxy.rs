//! A TCP proxy that can swallow the server's answers.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The handling of the server's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    Pass,
    Swallow,
}

pub struct Proxy {
    pub address: SocketAddr,
    answers: Arc<watch::Sender<Answers>>,
}

impl Proxy {
    pub async fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers = Arc::new(watch::Sender::new(Answers::Pass));
        let (server, of_task) = (server.to_owned(), answers.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, server.clone(), of_task.subscribe()));
            }
        });
        Self { address, answers }
    }

    /// Swallows all answers of the server from now on.
    pub fn swallow_answers(&self) {
        self.answers.send_replace(Answers::Swallow);
    }

    /// Cuts the connections whose answers were swallowed. New connections work.
    pub fn cut(&self) {
        self.answers.send_replace(Answers::Pass);
    }
}

async fn relay(client: TcpStream, server: String, mut answers: watch::Receiver<Answers>) {
    let server = TcpStream::connect(server).await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let forth = tokio::spawn(async move { copy(&mut from_client, &mut to_server).await });
    let mut buffer = vec![0; 64 * 1_024];
    let mut swallowed = false;
    loop {
        tokio::select! {
            biased;
            _ = answers.changed() => {
                if swallowed && *answers.borrow_and_update() == Answers::Pass {
                    break;
                }
                swallowed = *answers.borrow_and_update() == Answers::Swallow;
            }
            read = from_server.read(&mut buffer) => match read {
                Ok(0) | Err(_) => break,
                Ok(_) if swallowed => {}
                Ok(count) => to_client.write_all(&buffer[..count]).await.unwrap(),
            }
        }
    }
    forth.abort();
}
