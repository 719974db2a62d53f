//! Conversions into texts: they run where the user calls, and hold nobody else.

use super::*;

/// Springs when it is converted.
struct Converted(Arc<Trap>);

impl From<Converted> for String {
    fn from(text: Converted) -> Self {
        text.0.spring();
        "converted".to_owned()
    }
}

impl From<Converted> for Arc<str> {
    fn from(text: Converted) -> Self {
        String::from(text).into()
    }
}

fn armed(given: &Given) -> (Cache, Converted) {
    let (cache, _) = given.scripted(Answer::token(HOUR));
    block(cache.get()).unwrap();
    given.trap.arm(&cache);
    (cache, Converted(Arc::clone(&given.trap)))
}

/// The cache itself can be looked at meanwhile.
pub(crate) fn adopted(given: &Given) -> Option<Cache> {
    let (cache, converted) = armed(given);
    let (adopts, looked_at) = (cache.clone(), cache.clone());
    let adopts = thread::spawn(move || caught(|| adopts.adopt_principal(converted)));
    eventually("it is converted", || given.trap.is_sprung());
    within("a look", async move { drop(looked_at.status()) });
    let _ = adopts.join();
    Some(cache)
}

pub(crate) fn accepted(given: &Given) -> Option<Cache> {
    let (cache, converted) = armed(given);
    let (provider, _) = ScriptedProvider::new(Answer::token(HOUR));
    let _ = caught(|| given.agent.cache(provider).accept_principal(converted));
    Some(cache)
}

pub(crate) fn key(given: &Given) -> Option<Cache> {
    let (cache, converted) = armed(given);
    let (provider, _) = ScriptedProvider::new(Answer::token(HOUR));
    let _ = caught(|| given.agent.cache(provider).key(converted));
    Some(cache)
}

pub(crate) fn label(given: &Given) -> Option<Cache> {
    let (cache, converted) = armed(given);
    let builder = keytide_testkit::agent();
    let _ = caught(|| builder.label("name", converted));
    Some(cache)
}
