use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::*;

/// In memory where that can be had: kubelet's volumes are.
fn volume() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// Swaps a volume as kubelet does.
fn publish(volume: &Path, generation: u64, files: &[(&str, &str)]) {
    let name = format!("..2026_11_24_10_00_00.{generation}");
    let current = volume.join(&name);
    fs::create_dir(&current).unwrap();
    for (file, content) in files {
        fs::write(current.join(file), content).unwrap();
    }
    let former = fs::read_link(volume.join(LINK)).ok();
    std::os::unix::fs::symlink(&name, volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join(LINK)).unwrap();
    let former = former.map(|former| volume.join(former));
    for (file, _) in files {
        match &former {
            None => {
                std::os::unix::fs::symlink(Path::new(LINK).join(file), volume.join(file)).unwrap();
            }
            Some(former) => fs::remove_file(former.join(file)).unwrap(),
        }
    }
    if let Some(former) = former {
        fs::remove_dir(former).unwrap();
    }
}

/// Trap: a token of one generation with the CA of another.
#[test]
fn ten_thousand_swaps_never_mix_the_files_of_two_generations() {
    let volume = volume();
    let files = |generation: u64| (format!("token {generation}"), format!("ca {generation}"));
    let swap = |generation| {
        let (token, ca) = files(generation);
        publish(
            volume.path(),
            generation,
            &[("token", &token), ("ca.crt", &ca)],
        );
    };
    swap(0);
    let (done, reads) = (AtomicBool::new(false), AtomicU64::new(0));

    std::thread::scope(|scope| {
        scope.spawn(|| {
            let names = [OsStr::new("token"), OsStr::new("ca.crt")];
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                let [token, ca] = read_together(volume.path(), names).unwrap();
                let token = std::str::from_utf8(&token).unwrap();
                let generation: u64 = token.trim_start_matches("token ").parse().unwrap();
                let (_, expected) = files(generation);
                assert_eq!(std::str::from_utf8(&ca).unwrap(), expected);
                assert!(generation >= last);
                last = generation;
                reads.fetch_add(1, Ordering::Relaxed);
            }
        });
        for generation in 1..=10_000 {
            swap(generation);
        }
        done.store(true, Ordering::Relaxed);
    });

    let [token] = read_together(volume.path(), [OsStr::new("token")]).unwrap();
    assert_eq!(*token, b"token 10000");
    assert!(reads.load(Ordering::Relaxed) > 100);
}

#[test]
fn a_file_outside_a_volume_is_read_by_its_path() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("token"), "plain").unwrap();

    assert_eq!(*read(&directory.path().join("token")).unwrap(), b"plain");
}

#[test]
fn a_file_beside_a_volume_is_read_by_its_path() {
    let volume = volume();
    publish(volume.path(), 1, &[("token", "projected")]);
    fs::write(volume.path().join("own"), "beside").unwrap();

    assert_eq!(*read(&volume.path().join("own")).unwrap(), b"beside");
    assert_eq!(*read(&volume.path().join("token")).unwrap(), b"projected");
}

#[test]
fn a_file_that_is_nowhere_is_missing() {
    let volume = volume();
    publish(volume.path(), 1, &[("token", "projected")]);

    let error = read(&volume.path().join("absent")).unwrap_err();

    assert!(is_missing(&error));
}
