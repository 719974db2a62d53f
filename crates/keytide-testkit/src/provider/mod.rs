//! An issuer that does what the test says: [`ScriptedProvider`].

mod answer;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keytide_core::{ChangeNotifier, Error, Issued, Profile, ProvideCredential, Request, Trigger};
use tokio::sync::watch;

pub use self::answer::Answer;
use self::answer::What;

/// A provider that answers from a [`Script`]. The nth token that it mints is `token-n`, from 1.
#[derive(Debug)]
pub struct ScriptedProvider {
    profile: Profile,
    script: Script,
}

/// What a [`ScriptedProvider`] answers, and what it was asked. Clones are the same script.
#[derive(Debug, Clone)]
pub struct Script {
    state: Arc<Mutex<State>>,
    gate: Arc<watch::Sender<u64>>,
}

#[derive(Debug)]
struct State {
    next: VecDeque<Answer>,
    always: Answer,
    minted: u64,
    last: Option<String>,
    prefix: String,
    calls: u64,
    triggers: Vec<Trigger>,
    running: usize,
    peak: usize,
    dropped: u64,
    gated: u64,
    notifier: ChangeNotifier,
}

impl ScriptedProvider {
    /// A provider of bearer tokens that gives `always` for every call, until its script says otherwise.
    #[must_use]
    pub fn new(always: Answer) -> (Self, Script) {
        Self::with_profile(Profile::bearer("scripted"), always)
    }

    /// A provider that states this of itself. Signing keys are minted where an answer says
    /// [`as_signing_key`](Answer::as_signing_key).
    #[must_use]
    pub fn with_profile(profile: Profile, always: Answer) -> (Self, Script) {
        let state = State {
            next: VecDeque::new(),
            always,
            minted: 0,
            last: None,
            prefix: "token-".to_owned(),
            calls: 0,
            triggers: Vec::new(),
            running: 0,
            peak: 0,
            dropped: 0,
            gated: 0,
            notifier: ChangeNotifier::default(),
        };
        let script = Script {
            state: Arc::new(Mutex::new(state)),
            gate: Arc::new(watch::Sender::new(0)),
        };
        (
            Self {
                profile,
                script: script.clone(),
            },
            script,
        )
    }
}

impl Script {
    /// From now on every call gets `answer`, once what was queued is used up.
    pub fn always(&self, answer: Answer) {
        self.lock().always = answer;
    }

    /// The next call that has no other gets `answer`.
    pub fn then(&self, answer: Answer) -> &Self {
        self.lock().next.push_back(answer);
        self
    }

    /// What stands before the number in tokens: for canaries, and for telling issuers apart. Defaults to `token-`.
    pub fn token_prefix(&self, prefix: impl Into<String>) {
        self.lock().prefix = prefix.into();
    }

    /// How many calls began.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// Why the issuer was asked, call by call.
    #[must_use]
    pub fn triggers(&self) -> Vec<Trigger> {
        self.lock().triggers.clone()
    }

    /// How many calls run now.
    #[must_use]
    pub fn running(&self) -> usize {
        self.lock().running
    }

    /// The most calls that ever ran at a time.
    #[must_use]
    pub fn peak(&self) -> usize {
        self.lock().peak
    }

    /// How many calls were dropped before they ended.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Lets the next `answers` that are [`gated`](Answer::gated) through, in the order of their calls.
    pub fn release(&self, answers: u64) {
        self.gate.send_modify(|open| *open += answers);
    }

    /// Tells the cache that the provider's input changed.
    pub fn change_input(&self) {
        let notifier = self.lock().notifier.clone();
        notifier.notify();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProvideCredential for ScriptedProvider {
    fn profile(&self) -> Profile {
        self.profile.clone()
    }

    async fn provide(&self, request: &Request) -> Result<Issued, Error> {
        let (answer, place) = {
            let mut state = self.script.lock();
            state.calls += 1;
            state.triggers.push(request.trigger());
            state.running += 1;
            state.peak = state.peak.max(state.running);
            state.notifier = request.change_notifier();
            let answer = state
                .next
                .pop_front()
                .unwrap_or_else(|| state.always.clone());
            state.gated += u64::from(answer.gated);
            (answer, state.gated)
        };
        let mut call = Call {
            script: &self.script,
            ended: false,
        };
        if !answer.blocks.is_zero() {
            std::thread::sleep(answer.blocks);
        }
        if !answer.delay.is_zero() {
            tokio::time::sleep(answer.delay).await;
        }
        if answer.gated {
            // The sender lives in the script, which this provider holds.
            let _ = self
                .script
                .gate
                .subscribe()
                .wait_for(|open| *open >= place)
                .await;
        }
        if let Some(shown) = answer.issuer_clock {
            request.saw_issuer_clock(shown);
        }
        let result = match answer.what.clone() {
            What::Hang => std::future::pending().await,
            What::Panic(message) => panic!("{message}"),
            What::Fail(error) => Err(error),
            What::Token(end) => {
                let mut state = self.script.lock();
                state.minted += 1;
                let token = format!("{}{}", state.prefix, state.minted);
                state.last = Some(token.clone());
                Ok(answer.issue(state.minted, token, end))
            }
            What::Same(end) => {
                let state = self.script.lock();
                let token = state
                    .last
                    .clone()
                    .unwrap_or_else(|| format!("{}0", state.prefix));
                Ok(answer.issue(state.minted, token, end))
            }
        };
        call.ended = true;
        result
    }
}

/// Counts a call for as long as it runs.
struct Call<'a> {
    script: &'a Script,
    ended: bool,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut state = self.script.lock();
        state.running -= 1;
        state.dropped += u64::from(!self.ended);
    }
}
