//! The server's own thread and runtime: [`Thread`].

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::connection::{Acceptors, serve};
use super::shared::Shared;

/// Accepts connections on a thread of its own, whatever becomes of the test's runtime and its time. Ends when dropped.
#[derive(Debug)]
pub(super) struct Thread {
    commands: Option<UnboundedSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Command {
    Listen(Sender<std::io::Result<()>>),
    Stop(Sender<std::io::Result<()>>),
}

impl Thread {
    /// Listens on a free port of 127.0.0.1, and gives its address.
    pub(super) fn start(
        shared: Arc<Shared>,
        tls: Option<Arc<Acceptors>>,
    ) -> std::io::Result<(Self, SocketAddr)> {
        let (commands, orders) = unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = {
            // The listener belongs to this runtime, whichever the caller runs in.
            let _inside = runtime.enter();
            listen_on((Ipv4Addr::LOCALHOST, 0).into())?
        };
        let address = listener.local_addr()?;
        let thread = std::thread::Builder::new()
            .name("fault-server".to_owned())
            .spawn(move || {
                runtime.block_on(run(listener, address, orders, &shared, tls.as_ref()));
                runtime.shutdown_background();
            })?;
        let thread = Self {
            commands: Some(commands),
            thread: Some(thread),
        };
        Ok((thread, address))
    }

    /// Accepts connections again. Nothing happens when it does already.
    pub(super) fn listen(&self) -> std::io::Result<()> {
        self.order(Command::Listen)
    }

    /// Refuses connections, and cuts those that are there.
    pub(super) fn stop(&self) -> std::io::Result<()> {
        self.order(Command::Stop)
    }

    fn order(&self, command: fn(Sender<std::io::Result<()>>) -> Command) -> std::io::Result<()> {
        let (done, answer) = channel();
        let ended = || std::io::Error::other("the server's thread has ended");
        let commands = self.commands.as_ref().ok_or_else(ended)?;
        commands.send(command(done)).map_err(|_| ended())?;
        answer.recv_timeout(PATIENCE).map_err(|_| ended())?
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was printed there.
            let _ = thread.join();
        }
    }
}

async fn run(
    listener: TcpListener,
    address: SocketAddr,
    mut orders: UnboundedReceiver<Command>,
    shared: &Arc<Shared>,
    tls: Option<&Arc<Acceptors>>,
) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                None => break,
                Some(Command::Stop(done)) => {
                    listener = None;
                    connections.shutdown().await;
                    let _ = done.send(Ok(()));
                }
                Some(Command::Listen(done)) => {
                    if listener.is_some() {
                        let _ = done.send(Ok(()));
                        continue;
                    }
                    let bound = bind_again(address).await;
                    let result = bound.map(|bound| listener = Some(bound));
                    let _ = done.send(result);
                }
            },
            stream = accept(listener.as_ref()) => {
                connections.spawn(serve(stream, Arc::clone(shared), tls.cloned()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    connections.shutdown().await;
}

async fn accept(listener: Option<&TcpListener>) -> tokio::net::TcpStream {
    loop {
        match listener {
            None => std::future::pending().await,
            Some(listener) => match listener.accept().await {
                Ok((stream, _)) => return stream,
                // Out of file descriptors, most likely: those of other tests come free.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
        }
    }
}

/// The port was free when it was chosen, and may have been lent to somebody's outgoing connection since.
async fn bind_again(address: SocketAddr) -> std::io::Result<TcpListener> {
    let mut tries = 0;
    loop {
        match listen_on(address) {
            Ok(listener) => return Ok(listener),
            Err(error) if tries == 100 => return Err(error),
            Err(_) => tries += 1,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A listener whose connections have a small send buffer, so that little is on its way when a client stops reading.
fn listen_on(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(64 << 10)?;
    socket.bind(address)?;
    socket.listen(1024)
}

const PATIENCE: Duration = Duration::from_secs(20);
