//! The directory that holds the token, written as kubelet writes it: [`Volume`].

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Replaces the content of one file, so that a reader sees the old one or the new one.
pub(crate) struct Volume {
    path: PathBuf,
    written: u32,
}

impl Volume {
    /// The volume in this directory, which is empty.
    pub(crate) fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            written: 0,
        }
    }

    /// Each content gets a directory of its own; renaming the link `..data` onto it switches all readers at once. The
    /// file's name is a link through `..data`, and never changes.
    #[cfg(unix)]
    pub(crate) fn publish(&mut self, content: &str) -> io::Result<()> {
        use std::os::unix::fs::symlink;

        self.written += 1;
        let (volume, generation) = (&self.path, format!("..generation_{}", self.written));
        fs::create_dir(volume.join(&generation))?;
        fs::write(volume.join(&generation).join(NAME), content)?;

        let former = fs::read_link(volume.join("..data"));
        symlink(&generation, volume.join("..data_tmp"))?;
        fs::rename(volume.join("..data_tmp"), volume.join("..data"))?;
        match former {
            Ok(former) => fs::remove_dir_all(volume.join(former)),
            Err(_) => symlink(Path::new("..data").join(NAME), volume.join(NAME)),
        }
    }

    /// Kubelet's way needs links that anybody may make.
    #[cfg(not(unix))]
    pub(crate) fn publish(&mut self, content: &str) -> io::Result<()> {
        self.written += 1;
        let next = self.path.join(format!("next_{}", self.written));
        fs::write(&next, content)?;
        fs::rename(next, self.path.join(NAME))
    }
}

/// The name of the token's file.
pub(crate) const NAME: &str = "token";
