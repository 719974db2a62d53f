//! What happens to the clocks, to caches and to agents.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use keytide_core::Reason;

use super::{World, lock};
use crate::oracle::End;
use crate::rng::{Part, Rng};
use crate::settings::Trouble;

/// Moves the clocks as the plan says.
pub(super) async fn move_clocks(world: Arc<World>) {
    for (at, to) in world.plan.moves.clone() {
        tokio::time::sleep_until(world.start + at).await;
        world.move_to(to).await;
    }
}

/// Now and then a cache is revoked, or dropped by all, and built anew.
pub(super) async fn rebuild(world: Arc<World>) {
    let rng = Rng::of(world.plan.seed, Part::World, 1);
    let settings = world.plan.settings;
    if settings.without.leaves_out(Trouble::Rebuilds) {
        return;
    }
    while !world.is_over() {
        tokio::time::sleep(rng.magnitude(600_000, 12 * 3_600_000)).await;
        let slot = rng.below(20) as usize;
        let revokes = rng.percent(60);
        let pause = rng.magnitude(1, 600_000);
        let Some(live) = world.slots.get(slot).and_then(|slot| lock(slot).take()) else {
            continue;
        };
        if revokes {
            let telling = live.cache.revoke();
            world.oracle().ended(live.id, End::Revoked, world.now());
            // Readers still find it for a while.
            *lock(&world.slots[slot]) = Some(live.clone());
            drop(telling.await);
            tokio::time::sleep(pause).await;
            let gone = lock(&world.slots[slot]).take();
            drop(gone);
        } else {
            world.oracle().dropped(live.id, world.now());
            drop(live);
            tokio::time::sleep(pause).await;
        }
        world.build(slot);
    }
}

/// Towards the end an agent is shut down or terminated.
pub(super) async fn end(world: Arc<World>) {
    let rng = Rng::of(world.plan.seed, Part::World, 2);
    let span = world.plan.settings.span();
    if world.plan.settings.without.leaves_out(Trouble::Ends) {
        return;
    }
    tokio::time::sleep_until(world.start + span * rng.within(85, 97) as u32 / 100).await;
    let agent = rng.below(world.agents.len() as u64) as usize;
    if rng.percent(50) {
        let ending = world.agents[agent].terminate(Reason::Cancelled);
        world.ended(agent, End::Revoked);
        drop(ending.await);
        return;
    }
    let mut ending = pin!(world.agents[agent].shutdown(Duration::from_secs(60)));
    let mut told = false;
    let ended = poll_fn(|context| {
        let polled = ending.as_mut().poll(context);
        if !std::mem::replace(&mut told, true) {
            world.ended(agent, End::ShutDown);
        }
        match polled {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => Poll::Pending,
        }
    });
    drop(ended.await);
}

impl World {
    fn ended(&self, agent: usize, end: End) {
        let owners = lock(&self.owners).clone();
        for (id, _) in owners
            .iter()
            .enumerate()
            .filter(|(_, owner)| **owner == agent)
        {
            self.oracle().ended(id, end, self.now());
        }
    }
}
