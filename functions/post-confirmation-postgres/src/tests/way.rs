//! A way to the server that can be cut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::server::Server;

/// A way to a server through another address; what it carries can be stopped without a word, as a network does.
pub struct Way {
    pub address: SocketAddr,
    pub taken: Arc<AtomicUsize>,
    silence: watch::Sender<bool>,
}

impl Way {
    /// From any port of `host`.
    pub async fn new(host: &str, server: &Server) -> Self {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Arc::new(AtomicUsize::new(0));
        let (silence, silenced) = watch::channel(false);
        let (to, count) = ((server.host.clone(), server.port), Arc::clone(&taken));
        tokio::spawn(async move {
            while let Ok((mut here, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let (to, mut silenced) = (to.clone(), silenced.clone());
                // Only those that are carried already fall silent.
                silenced.mark_unchanged();
                tokio::spawn(async move {
                    let mut there = TcpStream::connect(to).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut here, &mut there) => {}
                        _ = silenced.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Self { address, taken, silence }
    }

    /// What is carried now gets no answer any more; new connections do.
    pub fn fall_silent(&self) {
        self.silence.send_replace(true);
    }
}
